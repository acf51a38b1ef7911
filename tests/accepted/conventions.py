"""Every way of writing a correct solution that gradkit accepts, each with a wrong twin.

`ACCEPTED` is the table. An entry is one small legal submission together with the facts
that a reader needs to call it: what its functions are called, in which order they take
their arguments, how they lay out what they hold. Its twin is the same submission with one
real mistake, so that a grader that accepts a convention by closing its eyes is found out.
"""

from __future__ import annotations

from accepted.entry import Accepted, write
from accepted.notebooks import notebook_entries
from accepted.numpy_texts import numpy_entries
from accepted.torch_texts import torch_entries

__all__ = ["ACCEPTED", "Accepted", "write"]

ACCEPTED: tuple[Accepted, ...] = (*numpy_entries(), *notebook_entries(), *torch_entries())

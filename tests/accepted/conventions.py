"""Every way of writing a correct solution that gradkit accepts, each with a wrong twin.

`ACCEPTED` is the table. An entry is one small right submission. Its twin is the same submission
with one mistake, so that a grader that does not judge a convention fails a test.
"""

from __future__ import annotations

from accepted.entry import Accepted, write
from accepted.notebooks import notebook_entries
from accepted.numpy_texts import numpy_entries
from accepted.torch_texts import torch_entries

__all__ = ["ACCEPTED", "Accepted", "write"]

ACCEPTED: tuple[Accepted, ...] = (*numpy_entries(), *notebook_entries(), *torch_entries())

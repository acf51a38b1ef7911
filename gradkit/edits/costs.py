"""Say how large a change is: the only figures by which changes are ordered."""

from __future__ import annotations

SIMPLE, SIGNED, LARGER, LARGE = 1.0, 1.1, 1.3, 1.6
"""What a change costs: a part exchanged or left out, a sign, a part added, several parts added."""

PER_NODE = 0.01
"""What each node that a change adds or takes away costs."""

SCALED = 1.05
"""What a constant costs that is a multiple of the one that stands there."""

"""Say how large a change is: the only figures by which changes are ordered.

The cost of a change is a sum. Of two changes that make the same outputs right, the one of the lower
cost is reported. `benchmarks/planted.py` measures what a figure does to the lines that are found.
"""

from __future__ import annotations

SIMPLE, SIGNED, LARGER, LARGE = 1.0, 1.1, 1.3, 1.6
"""The cost of a change: a part exchanged or left out, a sign, a part added, several parts added."""

PER_NODE = 0.01
"""The cost of each node that a change adds or takes away."""

BORROWED = 0.05
"""The cost of each node of an expression that is borrowed from the model solution."""

REPLACED = 3.2
"""The cost of an expression in whose place one of the model solution stands."""

SCALED = 1.05
"""The cost of a constant that is a multiple of the one that stands there."""

MORE, PAIR, MOST = 2.15, 2.2, 100.0
"""Costs from which changes borrow from the model solution, and from which two changes are made at
once; and more than any change costs."""

CLEARED = 0.8
"""Added to the cost of a change in a function whose own check passes."""

INNER = 0.0005
"""The cost of each node of the changed expression: of equal changes the innermost is told."""

BRACKETED = 1.7
"""The cost of a term that is added within a product, where it needs brackets."""

PUT_IN, FILLS = 1.7, 0.3
"""The cost of a statement that is put in, but for its nodes; and how much less that is if the
statement gives a name its first value."""

LITTLE = 0.01
"""A difference that orders two costs which are equal otherwise."""

A_LINE = 0.1
"""Added to the cost of a new line, where changing a part of a line may be enough."""

AGAIN = 0.9
"""The cost of leaving out a statement that stands there twice."""

"""Numbers that stand in a text as learning rates."""

from __future__ import annotations

import pytest

from gradkit.binding.match import find_written_rates
from gradkit.records.submission import Cell, Section
from gradkit.task.assignment import read_assignment

TASK = read_assignment().tasks[0]


def found(text: str, shared: str = "") -> list[tuple[float, int]]:
    """Return each rate of a text with its line."""
    own = Cell("hw.py", "hw.py", None, text)
    others = (Cell("hw.py", "hw.py", 2, shared),) if shared else ()
    rates = find_written_rates(TASK, Section((TASK.id,), (own,), others))
    return [(rate.value, rate.place.line) for rate in rates]


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("lr = 0.01", [0.01]),
        ("lr: float = 0.01", [0.01]),
        ("LR, epochs = 1e-3, 5", [1e-3]),
        ("self.learning_rate = 1 / 100", [0.01]),
        ("lr_bias = 10 ** -2", [0.01]),
        ("def f(W, alpha=0.2): pass", [0.2]),
        ("def f(W, *, eta=0.2, n=7): pass", [0.2]),
        ("SGD(net.parameters(), lr=0.3)", [0.3]),
        ("SGD(net.parameters(), 0.3)", [0.3]),
        ("options = {'lr': 0.3, 'epochs': 4}", [0.3]),
        ("W1 -= 0.5 * dW1", [0.5]),
        ("W1 = W1 - dW1 * X * 0.5", [0.5]),
        ("return W1 - 0.5 * dW1", [0.5]),
        ("step = 0.25\nW1 -= step * dW1", [0.25]),
        ("W1 -= 2 * 0.5 * dW1", [2.0, 0.5]),
        # No rate: another name, a text, a truth value, a product, what is not positive or finite.
        ("epochs = 5", []),
        ("lr = '0.01'", []),
        ("lr = True", []),
        ("lr = 2 * x", [2.0]),
        ("lr = -0.1", []),
        ("lr = 1 / 0", []),
        ("lr = 10.0 ** 1000", []),
        ("lr = 0", []),
        ("lr = " + "9" * 400, []),
        ("lr = (-8) ** 0.5", []),
        ("f(0.3, lr)", []),
        ("not Python at all", []),
    ],
)
def test_numbers_that_stand_as_rates(text: str, rates: list[float]) -> None:
    """Bound to the name of a rate, a factor of a product, or handed over with parameters."""
    if text.startswith("return"):
        text = f"def f():\n    {text}"
    assert [value for value, _ in found(text)] == rates


def test_each_value_has_its_first_line() -> None:
    """The section's own cells come before those that it shares."""
    assert found("x = 1\nlr = 0.1\nalpha = 0.1", shared="eta = 0.1\nrate = 0.7") == [
        (0.1, 2),
        (0.7, 2),
    ]

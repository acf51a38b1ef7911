"""Changed definitions are there for a while, and what is made of them follows them."""

from __future__ import annotations

from typing import Any

from gradkit.runtime.repair.changed import changed

BASE = """
class Base:
    def twice(self, x):
        return self.once(x) + self.once(x)

class Made(Base):
    def once(self, x):
        return x

def alone(x):
    return x
"""


def names() -> dict[str, Any]:
    """Return the namespace of a text."""
    space: dict[str, Any] = {"__name__": "answer"}
    exec(BASE, space)
    return space


def test_a_function_is_another_one_for_a_while() -> None:
    """Afterwards it is the very one that it was; one that is new is gone."""
    space = names()
    before = space["alone"]
    text = "def alone(x):\n    return -x\n"
    with changed(space, [("answer.py", 1, text), ("answer.py", 9, "def more():\n    return 1\n")]):
        assert space["alone"](2) == -2
        assert space["more"]() == 1
    assert space["alone"] is before
    assert "more" not in space


def test_what_is_made_of_a_class_follows_it() -> None:
    """A method of a base class is changed in the classes below it too, and put back there."""
    space = names()
    text = "class Base:\n    def twice(self, x):\n        return 3 * self.once(x)\n"
    with changed(space, [("answer.py", 1, text)]):
        assert space["Made"]().twice(2) == 6
        assert isinstance(space["Made"](), space["Base"])
    assert space["Made"]().twice(2) == 4
    assert isinstance(space["Made"](), space["Base"])


def test_a_class_of_another_layout_stays() -> None:
    """What cannot be made of it keeps the class that it was made of."""
    space = names()
    text = "class Base(dict):\n    def twice(self, x):\n        return 0\n"
    with changed(space, [("answer.py", 1, text)]):
        assert space["Made"]().twice(2) == 4
        assert space["Base"]().twice(2) == 0
    assert space["Made"]().twice(2) == 4


def test_a_function_is_another_one_wherever_it_is_held() -> None:
    """A table of functions has the very one; one that holds names of its own stays there."""
    space = names()
    exec("table = {'alone': alone}", space)
    inner = "def outer(n):\n    def inner(x):\n        return n * x\n    return inner\n"
    exec(f"{inner}alone3 = outer(3)\ntable['three'] = alone3", space)
    texts = [
        ("answer.py", 9, "def alone(x, y=5):\n    return x - y\n"),
        ("answer.py", 12, "def alone3(x):\n    return 0\n"),
    ]
    with changed(space, texts):
        assert (space["table"]["alone"](2), space["alone"](2)) == (-3, -3)
        assert (space["table"]["three"](2), space["alone3"](2)) == (6, 0)
    assert (space["table"]["alone"](2), space["alone"](2)) == (2, 2)
    assert space["alone3"](2) == 6

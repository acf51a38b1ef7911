"""A worker runs a whole script, and says how it ended."""

from __future__ import annotations

from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop


def run(text: str) -> tuple[str, object]:
    """What a script prints, and its failure."""
    with Workshop() as workshop, workshop.worker(deadline=20.0) as worker:
        reply = worker.ask(Frame("script", {}, {"text": text}), 10.0)
        return worker.output, reply.data["failure"]


def test_what_is_printed_comes_out() -> None:
    """As under ``python script.py``."""
    assert run("if __name__ == '__main__':\n    print(1 + 1)\n") == ("2\n", None)


def test_a_failure_is_told_as_python_tells_it() -> None:
    """Without a line of gradkit's in it."""
    printed, failure = run("print('before')\nx = 1\nx / 0\n")
    assert printed == "before\n"
    assert str(failure).splitlines() == [
        "Traceback (most recent call last):",
        '  File "snippet.py", line 3, in <module>',
        "ZeroDivisionError: division by zero",
    ]


def test_a_script_that_is_none_is_told() -> None:
    """A syntax error has no frame."""
    _, failure = run("x = (")
    assert "SyntaxError: '(' was never closed" in str(failure)

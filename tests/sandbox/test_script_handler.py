"""A worker runs a whole script, and reports how it ended."""

from __future__ import annotations

from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop


def run(text: str) -> tuple[str, object]:
    """Return the printed output of a script, and its failure."""
    with Workshop() as workshop, workshop.worker(deadline=20.0) as worker:
        reply = worker.ask(Frame("script", {}, {"text": text}), 10.0)
        return worker.output, reply.data["failure"]


def test_printed_output_is_returned() -> None:
    """The output is that of ``python script.py``."""
    assert run("if __name__ == '__main__':\n    print(1 + 1)\n") == ("2\n", None)


def test_failure_is_a_python_traceback() -> None:
    """It contains no line of gradkit."""
    printed, failure = run("print('before')\nx = 1\nx / 0\n")
    assert printed == "before\n"
    assert str(failure).splitlines() == [
        "Traceback (most recent call last):",
        '  File "snippet.py", line 3, in <module>',
        "ZeroDivisionError: division by zero",
    ]


def test_invalid_script_is_reported() -> None:
    """The traceback of a syntax error has no frame."""
    _, failure = run("x = (")
    assert "SyntaxError: '(' was never closed" in str(failure)

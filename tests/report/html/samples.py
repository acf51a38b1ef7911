"""Make a result with one finding, whose parts each contain a word for their hint level."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from gradkit.records.classroom import Change
from gradkit.records.reports import Changes, Moved, PointsGiven
from gradkit.records.result import CheckResult, Course, Decision, Entry, Finding, Result, TaskResult
from gradkit.records.submission import Listing, Place, Problem

HOSTILE = (
    "\x1b[31mred \u202egnol\u202c \x00\x08 \ud800"
    "</style></title></script><script>window.pwned = 1</script>"
    '"\'><img src=x onerror="window.pwned = 2"> {{ 7 * 7 }} {% raw %} --> ]]> &amp; $\\frac{'
    "<a href='javascript:window.pwned = 3'>x</a><svg onload=window.pwned=4></svg>"
)
"""A colour, a direction mark, control characters, a surrogate, mark-up of every kind."""

WORDS = {
    1: "levelone",
    2: "leveltwo",
    3: "levelthree",
    4: "levelfour",
}
"""A word for each hint level, which only texts of that level contain."""


def result(name: str = "ada", text: str = "plain") -> Result:
    """Return a result with ``text`` in all fields that may contain a student's own words."""
    place = Place(f"{text}.py", None, 12)
    finding = Finding(
        id="f1",
        check="update",
        mistake=f"code-{WORDS[2]}",
        title=f"Title {WORDS[2]} {text}",
        entries=("W1[0,1]", "b1[0]", "b2"),
        applies={
            "W1[0,1]": f"+0.002 · (y−y_hat) · {WORDS[3]}′[0] · X[1]",
            "b1[0]": "= b1[1] +0.02 · (y−ŷ)",
            "b2": f"not moved {text}",
        },
        should={
            "W1[0,1]": f"−0.002 · (y−y_hat) · {WORDS[4]}[1] · X[1]",
            "b1[0]": "+0.02 · (y−ŷ)",
            "b2": "+0.02 · (y−ŷ)",
        },
        place=place,
        source=f"W1 += {WORDS[3]} {text}",
        columns=(6, 6 + len(WORDS[3])),
        fix=f"W1 += {WORDS[4]} {text}\n    b1 += 1",
        places=(place,),
        sentence=f"Sentence {WORDS[2]} of `{text}`.",
        hints=tuple(f"Hint {word} {text}." for word in WORDS.values()),
        deduction=2.5,
    )
    entries = (
        Entry("W1", (0, 0), "pass", 0.25, 0.25, text),
        Entry("W1", (0, 1), "fail", 0.5, 0.4444444, text),
        Entry("b1", (0, 0), "fail", None, 0.4444444, text),
        Entry(text, (), "fail", None, None, text),
    )
    courses = (
        Course(f"start {text}", (1, 2, 3), (3.0, 2.0, 1.0), (3.0, 1.5, 0.7777777)),
        Course("other", (1, 2, 3), (3.0, 30.0, float("nan")), (3.0, 1.5, 0.7777777)),
    )
    # A person's word, on a check that passed and on one with a finding.
    word = Decision(0.5, f"by {text}", "2026-11-25T10:00:00.000+00:00", f"Why {text}", stale=True)
    checks = (
        CheckResult("interface", "pass", 1.0, 1.0, "", decision=word),
        CheckResult("forward", "error", 0.0, 5.0, f"It broke: {text}", (), place, (text,)),
        CheckResult(
            "update", "fail", 9.5, 12.0, f"`{text}` is off.", entries, place, decision=word
        ),
        CheckResult("gradient", "blocked", 0.0, 0.0, "Blocked."),
        CheckResult("trajectory", "fail", 2.0, 2.0, "Off.", (), place, (), (), courses),
    )
    listing = Listing(
        f"{text}.py",
        None,
        10,
        f"def step(y):\n    # {WORDS[3]} {text}\n    W1 += y\n    return {text!r}",
    )
    task = TaskResult(
        "regression-numpy",
        "Regression in numpy",
        12.5,
        20.0,
        18.0,
        True,
        checks,
        (finding,),
        (f"A note, {text}.",),
        listings=(listing,),
    )
    return Result(
        submission=name,
        assignment="backpropagation",
        form="correct",
        seed=7,
        oracle="derived",
        provisional=True,
        score=12.5,
        max_score=20.0,
        tasks=(task,),
        problems=(Problem(text, place),),
        versions={"gradkit": "0.1.0", "numpy": "2.0"},
        digests={"submission": "ab", "assignment": "cd"},
        tier=1,
        path=text,
    )


def changes(text: str = "plain") -> Changes:
    """Return changes of all kinds, with ``text`` in all fields that may contain other's words."""
    return Changes(
        "2026-11-20T10:00:00.000+00:00",
        Change("ada", 9.5, 20.0, 12.5, 20.0),
        (Change("Regression in numpy: update", 6.5, 12.0, 9.5, 12.0),),
        (Moved("Regression in numpy", "update", f"Gone {text}", ("W1[0,1]", text)),),
        (Moved("Regression in numpy", "", f"Come {text}", ()),),
        (
            PointsGiven("Regression in numpy", "update", 1.0, f"Given {text}"),
            PointsGiven("Regression in numpy", "forward", None, f"Taken {text}"),
        ),
        (1, 2),
        (f"Reason {text}",),
    )


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Store a start tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Store a piece of text."""
        self.text += data

    def each(self, tag: str) -> Iterator[dict[str, str | None]]:
        """Return the attributes of each element with a tag."""
        return (attributes for name, attributes in self.tags if name == tag)

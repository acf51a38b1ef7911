"""Texts that a student could write to attack an output channel."""

from __future__ import annotations

import re

from msgspec.structs import replace
from results import result

from gradkit.records.result import Decision, Finding, Result
from gradkit.records.submission import Place

TEXTS = {
    "colour": "\x1b[31mred\x1b[0m",
    "terminal link": "\x1b]8;;http://evil\x07here\x1b]8;;\x07",
    "bell": "a\x07b\x08c\x00d\x7fe",
    "direction": "\u202egnol\u2066x",
    "surrogate": "half \ud800 pair",
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "comment": "<!-- hidden --> x </details></table></code></pre>",
    "entity": "&lt;b&gt; &amp; &#60;i&#62;",
    "Markdown link": "[here](http://evil) <http://evil> http://evil.example www.evil.example",
    "Markdown image": "![x](http://evil/x.png)",
    "heading": "x\n\n# Full marks\n\n- [x] all right\n",
    "mention": "@octocat #1 octo/cat@main octocat@evil.example",
    "table": "| a | b |\n|---|---|\n| 20 | 20 |\n",
    "fence": "```\n# out\n```\n````\n**out**\n````\n~~~\nout\n~~~",
    "spans": "`` ` `a` ``` **b** ~~c~~ $d$ \\` \\| |",
    "error": "::error file=a.py,line=1::made up",
    "set-output": "x\n::set-output name=result::e30=\n  ::add-mask::0",
    "stop-commands": "::stop-commands::token\n\t::warning::x",
    "wide blanks": "\u00a0\u3000\u2028::error::x\n\ufeff::error::x\n\u200b::error::x",
    "return": "a\r::error::b\r\n::error::c",
    "old command": "x ##[error]made up\n##vso[task.complete]x\n##teamcity[testFailed]",
    "property": "a,line=1::x%0A::error::b%2C",
    "environment": "x\nresult=e30=\nresult<<END\ne30=\nEND",
    "formula": "=HYPERLINK(1)",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "carriage return": "\r=1+1",
    "blank before": "  =1+1",
    "XML": "]]> <failure/> \x0b \ufffe \uffff \x1f",
    "quotes": "\"'\" ' \" ',\n",
}
"""Hostile texts by the kind of attack."""

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except newline and tab, which no channel may output."""


def hostile(text: str) -> Result:
    """Return a result with ``text`` in all fields that may contain a student's own words."""
    made = result(text)
    finding = Finding(
        id="f1",
        check="update",
        mistake="swapped-index",
        title="Two indices",
        entries=(f"W1{text}",),
        applies={f"W1{text}": f"+1 · {text}"},
        should={f"W1{text}": f"+2 · {text}"},
        place=Place(f"{text}.py", None, 12),
        source=f"x = {text}",
        columns=(4, 4 + len(text)),
        fix=f"x = 2 * {text}\n{text}",
        sentence=f"Said of {text}",
        hints=tuple(f"hint {text}" for _ in range(4)),
        deduction=1.0,
    )
    named = replace(made, submission=f"work {text}", path=f"work {text}")
    # A person's word on a check that passed, on one without findings, on one with.
    word = Decision(0.5, f"by {text}", "2026-11-25T10:00:00.000+00:00", f"why {text}", stale=True)
    checks = tuple(
        replace(check, decision=word)
        if check.check in ("interface", "forward", "update")
        else check
        for check in made.tasks[0].checks
    )
    return replace(named, tasks=(replace(made.tasks[0], checks=checks, findings=(finding,)),))


def obeyed(printed: str) -> list[str]:
    """Return the lines of a log that a runner would obey: of GitHub, Azure or TeamCity.

    GitHub skips white space before ``::``; ``##[`` may stand anywhere.
    """
    lines = re.split("\r\n|\r|\n", printed)
    return [
        line
        for line in lines
        if line.strip("\ufeff\u200b \t").lstrip().startswith("::") or re.search(r"##\w*\[", line)
    ]

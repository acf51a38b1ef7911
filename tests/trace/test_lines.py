"""The line of a mistake is the right one, in every style that it can be made in."""

import pytest
from styles import STYLES, Slip, Style
from watched import watch

from gradkit.sandbox import Workshop

CASES = [(style, slip) for style in STYLES for slip in style.slips]


def line_at(sources: tuple[str, ...], place) -> str:
    """The text at a place."""
    return sources[place.cell - 1].split("\n")[place.line - 1].strip()


@pytest.mark.sample(12)
@pytest.mark.parametrize(("style", "slip"), CASES, ids=[f"{s.name}: {p.code}" for s, p in CASES])
def test_the_line_is_the_one_with_the_mistake(workshop: Workshop, style: Style, slip: Slip) -> None:
    """Every entry concerned is led to a line that is wrong, and to all of these together."""
    sources = style.sources(slip)
    assert sources != style.sources()
    expected = slip.at or tuple(line for line in slip.lines.values() if line != "pass")
    seen = (slip.code,) if slip.code in ("copy-dropped", "input-mutated") else ()
    with watch(workshop, style.task, *sources, seen=seen) as watched:
        found = watched.attributions()
    assert {each.code for each in found} == {slip.code}
    told = {line_at(sources, each.spot.place) for each in found}
    assert told == set(expected), [(each.evidence, each.name, each.entries) for each in found]


@pytest.mark.parametrize("style", STYLES, ids=[style.name for style in STYLES])
def test_a_right_update_has_no_line_to_tell(workshop: Workshop, style: Style) -> None:
    """The styles are right, so that what the test above tells is the mistake's doing."""
    with watch(workshop, style.task, *style.sources()) as watched:
        assert watched.attributions() == []
        assert watched.trace.steps.values.shape[1] == 8
        assert not watched.trace.cut

"""A disputed finding is shown as one Python file; those there are, as a list."""

from gradkit.reproducer.recorded import listing, script_text


def test_the_outcome_stands_in_comments() -> None:
    """What was printed cannot break out of them, whatever it holds."""
    text = script_text("x = 1\n", "one\n\nfound    2\x1b[31m\n", "It comes out again.")
    assert text == (
        "x = 1\n\n"
        "# Run again in a process of its own, this printed\n"
        "#   one\n"
        "#\n"
        "#   found    2\n"
        "# It comes out again.\n"
    )


def test_a_line_for_each_finding() -> None:
    """In columns, by the mistake's code where it has no title."""
    finding = {"id": "aa", "title": "", "mistake": "unexplained"}
    other = {"id": "bb", "title": "A title", "mistake": "x"}
    one, two = {"submission": "mine"}, {"submission": "another"}
    task = {"task": "regression-numpy"}
    assert listing([(one, task, finding), (two, task, other)]) == (
        "aa  mine     regression-numpy  unexplained\nbb  another  regression-numpy  A title\n"
    )


def test_none_is_told() -> None:
    """An empty list would look like a failure."""
    assert listing([]) == "There are no findings.\n"

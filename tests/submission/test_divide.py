"""Sections: which cells speak for which task."""

from __future__ import annotations

import time
from textwrap import dedent

import pytest
from submission.shapes import (
    FRAMES,
    IMPORTS,
    NET,
    NUMPY,
    TASKS,
    TORCH,
    TORCH_IMPORTS,
    TRAIN,
    UNHEADED,
    by_tasks,
    handed_in,
    numpy_part,
    published,
    text,
    torch_part,
)

from gradkit.records.submission import Cell
from gradkit.submission.definitions import Unit
from gradkit.submission.divide import divide, possible_tasks

RN, RT = ("regression-numpy",), ("regression-torch",)
CN, CT = ("classification-numpy",), ("classification-torch",)
OPEN_NUMPY = tuple(task.id for task in TASKS if task.id in NUMPY)
OPEN_TORCH = tuple(task.id for task in TASKS if task.id in TORCH)


def sections_of(tmp_path, **files):
    """The sections of what is handed in."""
    return divide(handed_in(tmp_path, **files), TASKS)


def numbers(cells) -> list[int]:
    """The numbers of some cells."""
    return [cell.cell for cell in cells]


def test_the_published_shape_gives_four_sections(tmp_path):
    """Headings decide; frames and imports are shared, all other sections' cells borrowed."""
    found = by_tasks(sections_of(tmp_path, hw=published()))
    assert list(found) == [RN, RT, CN, CT]
    assert [numbers(section.own) for section in found.values()] == [
        [5, 6, 7, 8, 9],
        [10, 11, 12, 13],
        [15, 16, 17, 18, 19],
        [20, 21, 22],
    ]
    assert [numbers(section.shared) for section in found.values()] == [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [1, 2, 3, 14],
        [1, 2, 3, 14],
    ]
    for section in found.values():
        everything = [*section.own, *section.shared, *section.borrowed]
        assert sorted(numbers(everything)) == list(range(1, 23))
    assert numbers(found[CN].borrowed)[:4] == [20, 21, 22, 4]
    assert found[RN].title == "regression problem › numpy implementation"


HALF_HEADED = [
    {"rn": "# Numpy", "rt": "# Torch", "cn": "# Numpy", "ct": "# Torch"},
    {"rn": "", "rt": "", "cn": "", "ct": ""},
    {"rn": "# Data", "rt": "# Network", "cn": "# Data", "ct": "# Network"},
    {
        "regression": "# Predicting lpa from scratch",
        "rn": "",
        "classification": "# Placed or not",
        "cn": "",
    },
    {
        "regression": "",
        "rn": "# Regresion (numpy)",
        "rt": "# Regresion torch",
        "classification": "",
        "cn": "# Clasification",
        "ct": "# Torch clasification",
    },
]


@pytest.mark.parametrize("headings", HALF_HEADED)
def test_other_headings_give_the_same_sections(tmp_path, headings):
    """Flat, odd, misspelt or missing headings: each section has its own functions and no others."""
    found = by_tasks(sections_of(tmp_path, hw=published(headings)))
    assert set(found) == {RN, RT, CN, CT}
    for task, kind, other in (
        (RN, "regression", "classification"),
        (CN, "classification", "regression"),
    ):
        seen = text((*found[task].own, *found[task].shared))
        assert seen.count(f"'''{kind}'''") == 1
        assert f"'''{other}'''" not in seen
    assert "class MyNN" in text(found[RT].own)
    assert "class Classification" not in text((*found[RT].own, *found[RT].shared))
    assert "range(epochs)" in text(found[CT].own)


@pytest.mark.parametrize("name", ["hw", "backpropagation_scratch_implementation"])
def test_without_headings_definitions_divide(tmp_path, name):
    """Names that are defined again begin a part, torch is known by content; topics stay open."""
    sections = sections_of(tmp_path, **{name: published(UNHEADED)})
    assert [section.tasks for section in sections] == [OPEN_NUMPY, OPEN_TORCH] * 2
    assert [numbers(section.own)[:5] for section in sections] == [
        [5, 6, 7, 8, 9],
        [9, 10, 11, 12, 13],
        [14, 15, 16, 17, 18],
        [19, 20, 21, 22],
    ]
    # The second frame is there for the torch part below it too.
    assert 14 in numbers(sections[3].shared)
    assert 14 not in numbers(sections[1].shared)


def test_a_script_without_headings_is_cut_between_statements(tmp_path):
    """Pieces keep their lines in the file, and put together they are the file."""
    source = "\n\n".join(block.strip("\n") for block in published(UNHEADED)[1:])
    submission = handed_in(tmp_path, hw=source)
    sections = divide(submission, TASKS)
    assert [section.tasks for section in sections] == [OPEN_NUMPY, OPEN_TORCH] * 2
    lines = submission.cells[0].source.split("\n")
    for section in sections:
        cells = [*section.own, *section.shared, *section.borrowed]
        assert len({cell.id for cell in cells}) == len(cells)
        for cell in cells:
            end = cell.first_line - 1 + cell.source.count("\n") + 1
            assert cell.source.split("\n") == lines[cell.first_line - 1 : end]
    assert [section.own[0].source.split("\n")[0] for section in sections] == [
        "def initialise_parameters(dim):",
        "plt.plot([1, 2])",
        FRAMES["classification"].split("\n")[0],
        "plt.plot([1, 2])",
    ]


def test_one_cell_with_everything(tmp_path):
    """Parts within a single cell of a notebook are cut like those of a script."""
    source = "\n".join(published(UNHEADED)[1:])
    sections = sections_of(tmp_path, hw=[source])
    assert [section.tasks for section in sections] == [OPEN_NUMPY, OPEN_TORCH] * 2
    assert all(cell.cell == 1 for section in sections for cell in section.own)


def test_submissions_with_one_task(tmp_path):
    """One part with nothing said of the topic is one open section."""
    (section,) = sections_of(tmp_path, hw=[IMPORTS, *numpy_part("x")])
    assert (section.tasks, section.title) == (OPEN_NUMPY, "hw.ipynb")
    (section,) = sections_of(tmp_path, hw=[TORCH_IMPORTS, "# MLP", *torch_part("Net", 5)])
    assert (section.tasks, section.title) == (OPEN_TORCH, "MLP")
    (section,) = sections_of(tmp_path, regression_torch=[TORCH_IMPORTS, *torch_part("Net", 5)])
    assert section.tasks == RT
    (section,) = sections_of(tmp_path, classification="\n".join(numpy_part("x")))
    assert section.tasks == CN


def test_file_names_decide_where_headings_do_not(tmp_path):
    """Files of one folder are sections; helper files are shared."""
    found = by_tasks(
        sections_of(
            tmp_path,
            regression=numpy_part("r"),
            classification=numpy_part("c"),
            helpers="def relu(x):\n    return x",
        )
    )
    assert set(found) == {RN, CN}
    assert [cell.file for cell in found[RN].shared] == ["helpers.py"]
    assert {cell.file for cell in found[RN].own} == {"regression.ipynb"}
    assert {cell.file for cell in found[RN].borrowed} == {"classification.ipynb"}


def test_headings_win_over_file_names(tmp_path):
    """A file that is called regression may hold a classification."""
    (section,) = sections_of(tmp_path, regression=["# Classification", IMPORTS, *numpy_part("c")])
    assert section.tasks == CN


def test_a_second_attempt_is_no_second_task(tmp_path):
    """One role defined again in place belongs to the same part; the last one counts."""
    parts = numpy_part("first")
    again = numpy_part("second")[3]
    (section,) = sections_of(tmp_path, hw=[*parts, again])
    assert numbers(section.own) == [1, 2, 3, 4, 5, 6]


def test_two_files_for_one_task_are_two_sections(tmp_path):
    """Versions are kept apart, so that no function of one is mixed into the other."""
    sections = sections_of(
        tmp_path, regression_old=numpy_part("old"), regression_new=numpy_part("new")
    )
    assert [section.tasks for section in sections] == [RN, RN]
    assert [section.own[0].file for section in sections] == [
        "regression_new.ipynb",
        "regression_old.ipynb",
    ]


def test_helpers_above_the_headings_are_shared(tmp_path):
    """What no section defines itself comes from the cells above all of them, roles included."""
    initialise, layer, forward, update, _ = numpy_part("common")
    blocks = [IMPORTS, "# Helpers", initialise, layer, "# Regression", forward, update]
    blocks += ["# Classification", *numpy_part("own")[1:4]]
    found = by_tasks(sections_of(tmp_path, hw=blocks))
    assert set(found) == {RN, CN}
    assert numbers(found[RN].shared) == [1, 2, 3]
    # Classification has a layer function of its own, so those helpers are not its section's.
    assert numbers(found[CN].shared) == [1]


def test_a_part_above_the_headings_is_the_task_that_none_claims(tmp_path):
    """A full solution without a heading, before one with: two sections."""
    blocks = [IMPORTS, *numpy_part("r"), "# Classification", *numpy_part("c")]
    found = by_tasks(sections_of(tmp_path, hw=blocks))
    assert set(found) == {RN, CN}
    assert "'''r'''" in text(found[RN].own)
    assert "'''r'''" not in text((*found[CN].own, *found[CN].shared))


def test_flat_headings_go_on_with_the_subject(tmp_path):
    """Headings for steps belong to the subject that was named last."""
    blocks = [IMPORTS]
    for topic in ("Regression", "Classification"):
        for step, cell in zip("abcde", numpy_part(topic.lower()), strict=True):
            blocks += [f"# {topic} in numpy" if step == "a" else f"# Step {step}", cell]
    found = by_tasks(sections_of(tmp_path, hw=blocks))
    assert [numbers(section.own) for section in found.values()] == [
        [2, 3, 4, 5, 6],
        [7, 8, 9, 10, 11],
    ]


def test_subjects_below_frameworks(tmp_path):
    """Headings may be nested the other way round, with imports under the outer one."""
    blocks = [IMPORTS, "# Numpy", "seed = 1", "## Regression", *numpy_part("r")]
    blocks += ["## Classification", *numpy_part("c"), "# PyTorch", TORCH_IMPORTS]
    blocks += ["## Regression", *torch_part("A", 5), "## Classification", *torch_part("B", 5)]
    found = by_tasks(sections_of(tmp_path, hw=blocks))
    assert list(found) == [RN, CN, RT, CT]
    assert "seed = 1" in text(found[CN].shared)
    assert TORCH_IMPORTS in text(found[RT].shared)
    assert TORCH_IMPORTS not in text(found[RN].shared)


def test_two_models_before_their_loops(tmp_path):
    """Torch parts are cut at the second loop; the class defined above is shared with it."""
    blocks = [TORCH_IMPORTS, NET.format(name="A"), NET.format(name="B")]
    blocks += [
        "X = y = torch.zeros(2)",
        TRAIN.format(name="A", epochs=2),
        TRAIN.format(name="B", epochs=3),
    ]
    first, second = sections_of(tmp_path, hw=blocks)
    assert (first.tasks, second.tasks) == (OPEN_TORCH, OPEN_TORCH)
    assert "model = A()" in text(first.own)
    assert "model = B()" in text(second.own)
    assert "class B" in text(second.shared)


def test_a_role_used_by_both_parts_is_shared_with_the_second(tmp_path):
    """Without headings, what the second part reads and does not define comes from the first."""
    blocks = [*numpy_part("r")]
    _, layer, _, update, loop = numpy_part("c")
    first, second = sections_of(tmp_path, hw=[*blocks, layer, update, loop])
    assert numbers(second.own) == [5, 6, 7, 8]
    assert numbers(second.shared) == [1, 3]
    assert numbers(first.shared) == []


def test_a_role_that_a_headed_part_calls_comes_from_the_one_above(tmp_path):
    """With headings too; what it does not call, or stands below, is another task's alone."""
    initialise, layer, forward, update, loop = numpy_part("r")
    blocks = [IMPORTS, "# Regression", initialise, layer, forward, update, loop]
    blocks += ["# Classification", *numpy_part("c")[1:2], *numpy_part("c")[3:]]
    found = by_tasks(sections_of(tmp_path, hw=blocks))
    assert numbers(found[CN].shared) == [1, 2, 4]
    assert numbers(found[RN].shared) == [1]
    found = by_tasks(sections_of(tmp_path, hw=blocks[:-1]))
    assert numbers(found[CN].shared) == [1]


def test_a_file_of_helpers_is_no_attempt(tmp_path):
    """At a task of which nothing else is there; by itself it is one, as all that there is."""
    initialise, layer, forward, update, _ = numpy_part("c")
    own = "\n".join((IMPORTS, forward, update))
    helpers = f"{initialise}\n{layer}"
    (section,) = sections_of(tmp_path, utils=[helpers])
    assert section.tasks == OPEN_NUMPY
    (section,) = sections_of(tmp_path, classification=[own], utils=[helpers])
    assert section.tasks == CN
    assert section.shared[-1].file == "utils.ipynb"


def test_broken_cells_stay_where_they_are(tmp_path):
    """A cell that cannot be parsed belongs to the section around it."""
    blocks = published()
    blocks.insert(8, "def broken(:")
    found = by_tasks(sections_of(tmp_path, hw=blocks))
    assert set(found) == {RN, RT, CN, CT}
    assert "def broken(:" in text(found[RN].own)


def test_nothing_to_divide(tmp_path):
    """Cells without a definition are no section; unusual names are one."""
    assert sections_of(tmp_path, hw=["x = 1", "print(x)"]) == ()
    (section,) = sections_of(tmp_path, hw=["def fwd(a, b): return a", "def bwd(a, b, c): pass"])
    assert section.tasks == OPEN_NUMPY
    # A helper next to a torch part makes no numpy section.
    blocks = ["def load():\n    return 1", TORCH_IMPORTS, *torch_part("Net", 3)]
    (section,) = sections_of(tmp_path, hw=blocks)
    assert section.tasks == OPEN_TORCH
    assert numbers(section.shared) == [1]


def test_roles_that_are_made_of_methods(tmp_path) -> None:
    """`update_parameters = net.update` is the role's; `f = timed(f)` begins no second part."""
    made = """
    class Net:
        def forward(self, X, parameters): return X
        def update(self, parameters, y, y_hat, A1, X): return parameters
    net = Net()
    L_layer_forward = net.forward
    update_parameters = net.update
    """
    torch_half = f"{TORCH_IMPORTS}\n{NET}{TRAIN}".format(name="Stack", epochs=20)
    found = sections_of(tmp_path, work=dedent(made) + torch_half)
    assert [section.tasks for section in found] == [OPEN_NUMPY, OPEN_TORCH]
    plain = """
    def L_layer_forward(X, parameters): return X
    def update_parameters(parameters, y, y_hat, A1, X): return parameters
    def timed(f):
        def inner(a, b): return f(a, b)
        return inner
    L_layer_forward = timed(L_layer_forward)
    update_parameters = timed(update_parameters)
    """
    assert len(sections_of(tmp_path, again=dedent(plain))) == 1


def test_roles_by_the_thousand_are_looked_at_once():
    """To look from each to the next heading takes twenty seconds here, and hours for more."""
    cell = Cell("hw.py", "hw.py", None, "")
    units = [Unit(cell, n, n + 1, roles=frozenset({"update_parameters"})) for n in range(1, 30_001)]
    begun = time.process_time()
    assert set(possible_tasks(units, TASKS)) == {frozenset(task.id for task in TASKS)}
    assert time.process_time() - begun < 5

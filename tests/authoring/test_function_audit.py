"""The audit of function tasks: wrong models, and changes that no check detects, are listed."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradkit.authoring import audit as auditing
from gradkit.authoring.audit import CONVENTION, audit_file
from gradkit.authoring.functions import FunctionModel
from gradkit.cli import main
from gradkit.records.task import Audit, Mutant, TaskAudit
from gradkit.report.exercise import to_text
from gradkit.task.assignment import exercises, read_assignment
from gradkit.task.draws import draws
from gradkit.task.oracle import OracleError

TOML = """
schema = "gradkit/assignment/v1"
id = "softmax"
title = "Softmax"

[[tasks]]
id = "softmax"
title = "The loss of a softmax"
kind = "functions"
solution = "softmax.py"
sizes = { N = [2, 3, 5], C = [4, 6] }
inputs = { x = "normal(N, C)", y = "integers(C, N)" }
hard = [{ x = "9000 * distinct(N, C)" }]

[[tasks.checks]]
name = "loss"
points = 4
call = "loss, dx = softmax_loss(x, y)"
compare = ["loss", "dx"]
gradient = { of = "loss", dx = "x" }
untouched = ["x"]
"""

MODEL = '''
import numpy as np


def softmax_loss(x, y):
    """Return the loss, and its gradient."""
    z = x - x.max(axis=1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dx = np.exp(logs)
    dx[np.arange(len(x)), y] -= 1
    return -logs[np.arange(len(x)), y].mean(), dx / len(x)
'''

pytestmark = pytest.mark.sample(9)

Found = Callable[..., TaskAudit]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """The audit of that task, with changes of its file and of its model solution."""

    def found(*, toml: tuple[str, str] = ("", ""), model: tuple[str, str] = ("", "")) -> TaskAudit:
        assert toml[0] in TOML
        assert model[0] in MODEL
        path = tmp_path / "assignment.toml"
        path.write_text(TOML.replace(*toml, 1), encoding="utf-8")
        (tmp_path / "softmax.py").write_text(MODEL.replace(*model, 1), encoding="utf-8")
        audit = audit_file(path, tmp_path)
        (task,) = audit.tasks
        whole = not (task.problems or task.unseen or task.stale or task.untried)
        assert audit.clean == whole
        return task

    return found


@pytest.mark.parametrize("name", [name for name in exercises() if name != "backpropagation"])
@pytest.mark.slow
def test_shipped_exercises_are_clean(name: str) -> None:
    """No change of a model solution slips through."""
    done = CliRunner().invoke(main, ["audit", "--assignment", name])
    assert (done.exit_code, done.stdout.count("!")) == (0, 0), done.stdout


def test_a_whole_task_is_clean(found: Found) -> None:
    """Every change is seen, those too that are so only at large numbers."""
    task = found()
    assert (task.problems, task.unseen, task.stale) == ((), (), ())
    assert task.tried > 25


def test_a_change_that_passes_with_one_seed_is_listed(found: Found) -> None:
    """Where rows are large by chance, only some seeds show whether each row has its own shift."""
    chance = "1000 * normal(N, C)"
    task = found(toml=("9000 * distinct(N, C)", chance))
    changes = {mutant.change for mutant in task.unseen}
    assert "x.max(axis=1, keepdims=True) -> x.max(keepdims=True)" in changes


def test_what_no_check_sees_is_listed(found: Found) -> None:
    """Without inputs that are hard nobody sees that the softmax is not shifted."""
    task = found(toml=("hard = [", "# hard = ["))
    told = {(mutant.line, mutant.change) for mutant in task.unseen}
    assert (7, "x - x.max(axis=1, keepdims=True) -> x") in told
    assert all(mutant.line == 7 for mutant in task.unseen)
    assert task.unseen[0].source == "z = x - x.max(axis=1, keepdims=True)"


def test_what_is_not_compared_is_listed(found: Found) -> None:
    """And one example hides what the mean is taken over."""
    first = found(
        toml=('["loss", "dx"]\ngradient = { of = "loss", dx = "x" }', '["loss"]'),
    )
    assert {"dx / len(x) -> dx", "dx[np.arange(len(x)), y] -= 1 -> pass"} <= {
        mutant.change for mutant in first.unseen
    }
    second = found(toml=("N = [2, 3, 5]", "N = 1"))
    assert "dx / len(x) -> dx" in {mutant.change for mutant in second.unseen}


def test_equivalent_changes_are_left_out(found: Found) -> None:
    """With the text of the line; an entry that is not so is told."""
    line = "z = x - x.max(axis=1, keepdims=True)"
    change = "x - x.max(axis=1, keepdims=True) -> x"
    entries = f"""equivalent = [
        {{ line = "{line}", why = "the shift is not asked" }},
        {{ line = "{line}", change = "1 -> 7", why = "-" }},
        {{ line = "dx = np.exp(logs)", why = "-" }},
    ]
    # hard = ["""
    task = found(toml=("hard = [", entries))
    assert task.unseen == ()
    assert task.equivalent > 3
    assert task.stale == (
        f"{line}: 1 -> 7: no such line or change exists",
        "dx = np.exp(logs): a check detects it",
    )
    one = f'equivalent = [{{ line = "{line}", change = "{change}", why = "-" }}]\n# hard = ['
    task = found(toml=("hard = [", one))
    assert task.equivalent == 1
    assert change not in {mutant.change for mutant in task.unseen}
    assert task.unseen


def test_conventions_are_no_mistakes(found: Found) -> None:
    """What the assignment lets pass is counted, and not listed; all probes follow the same one."""
    unlike = 'conventions = [{ dx = "N" }]\nuntouched'
    task = found(toml=("untouched", unlike))
    assert (task.equivalent, task.unseen) == (1, ())


def test_one_convention_is_followed_throughout(found: Found, tmp_path: Path) -> None:
    """What follows one in some probes and another one in others is seen."""
    found(toml=("untouched", 'conventions = [{ dx = "N" }]\nuntouched'))
    (task,) = read_assignment(tmp_path / "assignment.toml").functions
    model, first = FunctionModel(task, tmp_path), next(iter(draws(task, 0)))
    uneven = f"dx / len(x) if len(x) == {first.sizes['N']} else dx"
    for wrong, seen in (("dx", CONVENTION), (uneven, "loss"), ("dx / len(x)", "")):
        tree = ast.parse(MODEL.replace("dx / len(x)", wrong))
        assert auditing._detect(model, tree) == seen


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("dx / len(x)", "dx", "loss: `dx` is not the gradient of loss in `x`: "),
        ("dx / len(x)", "dx.T / len(x)", "loss: `dx` has shape (4, 3), and `x` has (3, 4)."),
        ("x - x.max(axis=1, keepdims=True)", "x * 1", "loss: `loss` is not finite with x = 9000 "),
        ("    z =", "    x += 0.1\n    z =", "loss: `x` is changed in place at N = "),
        (
            "dx / len(x)",
            "dx / len(x) + COUNT.append(0) if COUNT else dx / len(x)",
            "the model solution stopped with NameError: name 'COUNT' is not defined. Its "
            "inputs: x (",
        ),
        ("dx / len(x)", "None", "softmax: the model solution gives no numbers for dx, but object."),
        ("softmax_loss", "softmax", "softmax.py: the model solution has no `softmax_loss`; add it"),
        ("import numpy as np", "import nothing", "the model solution cannot be loaded: ModuleNotF"),
    ],
)
def test_a_wrong_model_is_refused(found: Found, right: str, wrong: str, told: str) -> None:
    """By its own checks, before anything is tried."""
    task = found(model=(right, wrong))
    assert task.tried == 0
    assert told in task.problems[0], task.problems


def test_a_model_that_remembers_is_told(found: Found) -> None:
    """The same call is to give the same."""
    state = "COUNT = []\n\n\ndef softmax_loss(x, y):\n    COUNT.append(0)\n    x = x * len(COUNT)"
    task = found(model=("def softmax_loss(x, y):", state))
    assert "loss: `loss` has another value when the call is repeated, at N = " in task.problems[0]


def test_a_change_without_end_is_seen(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped, and the next one is tried; so is one that ends the process."""
    monkeypatch.setattr(auditing, "MIN_SECONDS", 1.0)
    loop = (
        "    n = 0\n    while n != 2:\n        n += 1\n    if n > 9:\n        os._exit(1)\n    z ="
    )
    task = found(model=("    z =", f"    import os\n{loop}"))
    told = {mutant.change for mutant in task.unseen}
    assert "n != 2 -> n == 2" in told
    assert not told & {"n += 1 -> pass", "n > 9 -> n < 9"}
    assert task.tried > 35


def test_a_process_that_ends_by_itself_is_told(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it has tried anything."""
    start = auditing.start
    monkeypatch.setattr(auditing, "start", lambda _, *arguments: start("".format, *arguments))
    with pytest.raises(OracleError) as caught:
        found()
    assert str(caught.value).endswith(
        "softmax.py: the process that runs its mutants has ended unexpectedly. Run `gradkit audit` "
        "again. If it happens again, please report it."
    )


def test_without_a_model_nothing_is_clean(tmp_path: Path) -> None:
    """Nothing is known, and that is said."""
    path = tmp_path / "assignment.toml"
    path.write_text(TOML, encoding="utf-8")
    done = CliRunner().invoke(main, ["audit", "--assignment", str(path)])
    assert done.exit_code == 1
    assert "! The model solution was not checked. Give its folder with --reference." in done.stdout
    assert "Correct the lines marked ! before students get this exercise." in done.stdout


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_the_text_has_all_changes(found: Found) -> None:
    """Each line of the model once, with all that may be changed in it."""
    task = found(toml=('["loss", "dx"]\ngradient = { of = "loss", dx = "x" }', '["loss"]'))
    lines = to_text(Audit("Softmax", (task,), clean=False)).splitlines()
    changes = [line for line in lines if line.startswith("      ")]
    assert sum(" -> " in line for line in changes) == len(task.unseen) > 10
    assert lines.count("  ! no check detects these changes of softmax.py:9  dx = np.exp(logs)") == 1
    assert "      logs -> x" in lines


def test_problems_are_a_table(found: Found, tmp_path: Path) -> None:
    """Below the name of the file."""
    found(model=("dx / len(x)", "dx"))
    text = to_text(audit_file(tmp_path / "assignment.toml", tmp_path))
    assert (
        "  ! The model solution softmax.py does not agree with the assignment:\n      loss: `dx` "
        in text
    )


TWO_TASKS = """
schema = "gradkit/assignment/v1"
id = "two-tasks"
title = "Two tasks"

[[tasks]]
id = "loss"
title = "A loss"
kind = "functions"
solution = "two.py"

[tasks.sizes]
N = [3, 4]

[tasks.inputs]
x = "normal(N)"

[[tasks.checks]]
name = "loss"
points = 1
call = "value = loss(x)"
compare = ["value"]

[[tasks]]
id = "scale"
title = "A scale"
kind = "functions"
solution = "two.py"
equivalent = [
  { line = "return options[0] * x", change = "0 -> -1", why = "there is one option" },
]
sizes = { N = [3, 4] }
inputs = { x = "normal(N)" }

[[tasks.checks]]
name = "scale"
points = 1
call = "y = scale(x)"
compare = ["y"]
"""

TWO_MODELS = r'''
import numpy as np


def loss(x):
    """Return the sum of squares, with unused numbers that no check sees."""
    parts = {"a\\b": 1, 'c"d': 2}
    unused = 3 * len(parts)
    unused = 3 * len(parts)
    return np.sum(x**2)


def scale(x):
    """Return x times the only option."""
    options = [1.5]
    unused = [options, 7, "é"]
    return options[0] * x
'''


def test_printed_entries_can_be_pasted(tmp_path: Path) -> None:
    """With all of them, nothing slips through; a list that exists gets the lines in braces."""
    path = tmp_path / "assignment.toml"
    path.write_text(TWO_TASKS, encoding="utf-8")
    (tmp_path / "two.py").write_text(TWO_MODELS, encoding="utf-8")
    command = ["audit", "--assignment", str(path), "--reference", str(tmp_path)]
    before = CliRunner().invoke(main, command)
    assert before.exit_code == 1
    assert before.stdout.count("If a change is no mistake, paste its entry into the task") == 1
    loss, scale = before.stdout.split('# below id = "loss"\n')[1].split('# below id = "scale"\n')
    assert loss.count('{ line = "unused = 3 * len(parts)", change = "3 -> 4"') == 1
    entries = "".join(line for line in scale.splitlines(keepends=True) if "{ line" in line)
    text = TWO_TASKS.replace('id = "loss"\n', f'id = "loss"\n{loss}')
    text = text.replace('why = "there is one option" },\n', f'why = "-" }},\n{entries}')
    path.write_text(text, encoding="utf-8")
    first, second = audit_file(path, tmp_path).tasks
    assert min(first.equivalent, second.equivalent) > 1
    after = CliRunner().invoke(main, command)
    assert after.exit_code == 0, after.stdout
    assert after.stdout.endswith("are listed as no mistakes.\n\nEvery change is detected.\n")


def test_entries_fit_headings(tmp_path: Path) -> None:
    """A task with headings gets entries with headings, which can be pasted above the first one."""
    path = tmp_path / "assignment.toml"
    heading = (
        '[[tasks.equivalent]]\nline = "unused = 3 * len(parts)"\nchange = "3 -> 4"\nwhy = "-"\n'
    )
    start, checks = TWO_TASKS.split("[[tasks.checks]]", 1)
    text = f"{start}{heading}\n[[tasks.checks]]{checks}"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "two.py").write_text(TWO_MODELS, encoding="utf-8")
    before = audit_file(path, tmp_path)
    assert [task.has_headings for task in before.tasks] == [True, False]
    printed = to_text(before).split('# above the first [[tasks.equivalent]] below id = "loss"\n')[1]
    blocks = printed.split("# below id")[0]
    different = {(mutant.source, mutant.change) for mutant in before.tasks[0].unseen}
    assert blocks.count("[[tasks.equivalent]]\nline = ") == len(different) > 1
    path.write_text(text.replace(heading, f"{blocks}{heading}"), encoding="utf-8")
    after = audit_file(path, tmp_path).tasks[0]
    assert not after.unseen
    assert not after.stale


def test_entries_quote_any_line() -> None:
    """Quotes, backslashes, and the character that JSON does not escape."""
    source = "text = '\x7f' \"\\n\" 'é'"
    task = TaskAudit("a", "A", "a.py", unseen=(Mutant(1, source, "1 -> 2"),))
    text = to_text(Audit("A", (task,), clean=False))
    block = text[text.index("# below") : text.index("Correct the lines")]
    entry = {"line": source, "change": "1 -> 2", "why": "your reason"}
    assert tomllib.loads(block) == {"equivalent": [entry]}

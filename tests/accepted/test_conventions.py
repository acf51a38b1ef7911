"""The table of accepted conventions is right: every entry computes what the solution does."""

import importlib.util
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from accepted.conventions import ACCEPTED, Accepted, write
from accepted.play import differing, expected, laid_out, namespace, quantities, torch_run
from model_solutions import NAMES, draw, load

pytestmark = pytest.mark.sample(6)

HAS_TORCH = importlib.util.find_spec("torch") is not None
NUMPY = [entry for entry in ACCEPTED if entry.task.endswith("numpy")]
TORCH = [entry for entry in ACCEPTED if entry.task.endswith("torch")]
SEEDS = [
    pytest.param(range(3), id="few"),
    pytest.param(range(3, 8), marks=pytest.mark.slow, id="more"),
]


@pytest.mark.sample(12)
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("entry", NUMPY, ids=lambda entry: entry.id)
def test_numpy_entry_is_right_and_its_twin_wrong(entry: Accepted, seeds: range) -> None:
    """The submission computes what the model solution does; its twin slips where it says."""
    mine, twin = namespace(entry, entry.source), namespace(entry, entry.twin)
    for seed in seeds:
        probe = draw(entry.task.split("-")[0], seed)
        for rate in (0.3, 0.07) if "rate" in entry.arguments else (None,):
            right = expected(entry, probe, rate)
            assert differing(quantities(entry, mine, probe, rate), right) == set()
            wrong = differing(quantities(entry, twin, probe, rate), right)
            if entry.fails == "update":
                assert wrong == {"W1"}
            else:
                assert entry.fails == "forward"
                assert "output" in wrong
                assert wrong <= {"output", "hidden"}


@pytest.mark.parametrize("entry", NUMPY, ids=lambda entry: entry.id)
def test_numpy_entry_starts_as_asked(entry: Accepted) -> None:
    """Initial weights are 0.1 and biases 0, in the student's own keys and layout."""
    found = namespace(entry, entry.source)
    name = entry.functions.get("initialise", "initialise_parameters")
    start = load(entry.task.replace("-", "_")).initialise_parameters([2, 2, 1])
    mine = found[name]([2, 2, 1])
    assert tuple(mine) == entry.keys
    for name, key in zip(NAMES, entry.keys, strict=True):
        np.testing.assert_array_equal(mine[key], laid_out(entry, name, start[name]))


@pytest.mark.parametrize("entry", NUMPY, ids=lambda entry: entry.id)
def test_stated_kind_of_y_hat_is_needed_where_stated(entry: Accepted) -> None:
    """Entries that say so take only a (1, 1) ŷ, or only a number; the rest take both."""
    other = {"scalar": "matrix", "matrix": "scalar"}[entry.scalars]
    asked_otherwise = replace(entry, scalars=other)
    functions = namespace(entry, entry.source)
    probe = draw(entry.task.split("-")[0], 0)
    rate = 0.1 if "rate" in entry.arguments else None
    if entry.name in ("scalars-only", "matrices-only"):
        with pytest.raises((ValueError, TypeError, AttributeError)):
            quantities(asked_otherwise, functions, probe, rate)
    else:
        found = quantities(asked_otherwise, functions, probe, rate)
        assert differing(found, expected(entry, probe, rate)) == set()


@pytest.mark.sample(24)
@pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")
@pytest.mark.parametrize("entry", TORCH, ids=lambda entry: entry.id)
def test_torch_entry_is_right_and_its_twin_wrong(entry: Accepted) -> None:
    """Model and training are the model solution's; the twin's model or second step is wrong."""
    known = vars(load(entry.task.replace("-", "_")))
    arguments = ("model", "X", "y", "epochs", "lr")
    solution = Accepted("solution", entry.task, "", "", "", model="Model", arguments=arguments)
    for seed in range(3):
        right = torch_run(solution, lambda _: known, seed)
        found = torch_run(entry, lambda put_in: namespace(entry, entry.source, put_in), seed)
        assert ("losses 6" in found) == (not entry.loop or entry.losses is not None)
        assert differing(found, right) == set()
        twin = torch_run(entry, lambda put_in: namespace(entry, entry.twin, put_in), seed)
        wrong = differing(twin, right)
        assert ("output" in wrong) == (entry.fails == "forward")
        assert ("after 1" in wrong) == (entry.fails == "forward")
        assert "after 2" in wrong


def test_table_names_are_unique() -> None:
    """An entry can be found by its id."""
    ids = [entry.id for entry in ACCEPTED]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda entry: entry.id)
def test_entry_becomes_a_file(entry: Accepted, tmp_path) -> None:
    """Texts are written as .py, blocks as valid notebooks; both keep what they hold."""
    path = write(entry.source, tmp_path)
    if isinstance(entry.source, str):
        assert path.read_text(encoding="utf-8") == entry.source
    else:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert tuple((cell.cell_type, cell.source) for cell in notebook.cells) == entry.source
    assert entry.source != entry.twin

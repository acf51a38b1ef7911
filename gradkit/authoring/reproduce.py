"""Repeat the four runs of the published notebook, and compare every printed figure.

The numpy runs use the published update rule on purpose, although it is wrong: the printed figures
follow from it. The torch runs start from weights that were recovered from the printed losses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.authoring.new.starter import text_of
from gradkit.errors import GradkitError
from gradkit.loading import is_installed
from gradkit.records.task import Array, Run, Task
from gradkit.task.assignment import BESIDE, read_assignment
from gradkit.task.oracle import OracleError, TorchReference, course_of, load_reference
from gradkit.task.probes import whole

LOSS_NUMPY, LOSS_TORCH = 1e-12, 1e-6
"""Largest relative difference between a recomputed and a printed loss."""

DECIMALS_PARAMETERS, DECIMALS_PREDICTIONS = 8, 4
"""Decimals to which the notebook prints parameters and predictions."""


class ReproduceError(GradkitError):
    """The runs cannot be repeated; the text says what is missing."""


class Figure(Struct, frozen=True):
    """A printed number, the recomputed number, and whether they agree."""

    name: str
    published: float
    recomputed: float
    agrees: bool


def reproduce(folder: Path | None) -> tuple[str, bool]:
    """Recompute all published figures.

    Parameters
    ----------
    folder : Path or None
        Folder of the model solutions and ``published.json``, by default that of the checkout.

    Returns
    -------
    text : str
        A table for each run.
    agreed : bool
        Whether all figures agree.

    Raises
    ------
    ReproduceError
        The folder, a file in it, or torch is missing.
    """
    folder = folder or BESIDE
    try:
        published = json.loads((folder / "published.json").read_text(encoding="utf-8"))
    except OSError:
        raise ReproduceError(
            f"{folder / 'published.json'}: not found. The published figures are in the folder of "
            "the model solutions, in gradkit's repository: name this folder with --reference."
        ) from None
    except ValueError as error:
        raise ReproduceError(f"{folder / 'published.json'}: is not JSON: {error}.") from None
    if not is_installed("torch"):
        raise ReproduceError(
            "torch is not installed, and two of the four runs need it: "
            "pip install 'gradkit[torch]'."
        )
    found: dict[str, list[Figure]] = {}
    for task in read_assignment().tasks:
        try:
            runner = _torch_figures if task.framework.trains else _numpy_figures
            found[task.title] = list(runner(task, published[task.id], folder))
        except OracleError as error:
            raise ReproduceError(str(error)) from None
    agreed = all(figure.agrees for figures in found.values() for figure in figures)
    return text_of("reproduced", found=found, agreed=agreed), agreed


def _run(task: Task, epochs: int) -> Run:
    """Return a training run on a task's whole data from its first initial weights."""
    start = task.starts[0]
    X, y = whole(task.X), whole(task.y)
    return Run("published", "trajectory", start.name, start.parameters, X, y, epochs, None)


def _numpy_figures(task: Task, figures: dict[str, Any], folder: Path) -> Iterator[Figure]:
    """Yield the losses and parameters of a run in numpy, printed and recomputed.

    ``figures`` are the published numbers, ``folder`` the folder of the model solutions.
    """
    oracle = load_reference(task, folder, "published")
    if "first_loss" in figures:
        one_row = replace(_run(task, 1), X=whole(task.X[:1]), y=whole(task.y[:1]))
        first = oracle.train(one_row)
        loss = course_of(task, one_row, first)[0]
        yield _close("loss of row 1, untrained", figures["first_loss"], loss, LOSS_NUMPY)
        yield from _parameters("after row 1", figures["after_first_step"], first)
    losses = figures["epoch_losses"]
    run = _run(task, len(losses))
    trained = oracle.train(run)
    means = course_of(task, run, trained).reshape(len(losses), -1).mean(axis=1)
    for epoch, (printed, found) in enumerate(zip(losses, means, strict=True), 1):
        yield _close(f"loss of epoch {epoch}", printed, found, LOSS_NUMPY)
    yield from _parameters(f"after {len(losses)} epochs", figures["final_parameters"], trained)


def _torch_figures(task: Task, figures: dict[str, Any], folder: Path) -> Iterator[Figure]:
    """Yield the untrained predictions and the losses of a run in torch, printed and recomputed.

    ``figures`` are the published numbers, ``folder`` the folder of the model solutions.
    """
    oracle = load_reference(task, folder, "published")
    if isinstance(oracle, TorchReference):
        oracle = replace(oracle, precision="float32")
    run = _run(task, figures["epochs"])
    stacked = {key: np.repeat(value[None], len(run.X), 0) for key, value in run.parameters.items()}
    predictions = oracle.forward(stacked, run.X[:, :, None])[0].ravel()
    for row, (printed, found) in enumerate(
        zip(figures["initial_predictions"], predictions, strict=True), 1
    ):
        yield _printed(f"prediction for row {row}, untrained", printed, found, DECIMALS_PREDICTIONS)
    losses = oracle.train(run)["loss"]
    for epoch, printed in zip(figures["printed_epochs"], figures["losses"], strict=True):
        yield _close(f"loss of epoch {epoch}", printed, losses[epoch], LOSS_TORCH)


def _parameters(when: str, printed: dict[str, Any], values: dict[str, Array]) -> Iterator[Figure]:
    """Yield each entry of the trained parameters; ``when`` is part of the figures' names.

    ``printed`` has the published values and ``values`` the recomputed ones, by parameter.
    """
    for key, numbers in printed.items():
        for index, number in np.ndenumerate(np.array(numbers)):
            name = f"{key}[{','.join(map(str, index))}] {when}"
            found = float(values[f"final/{key}"][index])
            yield _printed(name, float(number), found, DECIMALS_PARAMETERS)


def _close(name: str, printed: float, found: float, relative: float) -> Figure:
    """Compare a number with a printed number within a relative difference."""
    return Figure(name, printed, float(found), abs(found - printed) <= relative * abs(printed))


def _printed(name: str, printed: float, found: float, decimals: int) -> Figure:
    """Compare ``printed``, a number that was printed with ``decimals`` decimals, with ``found``."""
    # The printed number is off by at most half a unit of its last decimal, plus float32 rounding.
    agrees = abs(found - printed) <= 0.5 * 10**-decimals * (1 + 1e-3)
    return Figure(name, printed, float(found), agrees)

"""Write the script of a finding about functions: the student's code, the input, the output."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

from gradkit.grading.session import Session, run_function_grader
from gradkit.records.result import LEFT_ALONE
from gradkit.records.submission import Section, Submission
from gradkit.records.task import FunctionTask
from gradkit.reproducer.recorded import Data, ReproducerError
from gradkit.reproducer.script import source, text_of, written
from gradkit.sandbox.observe import SEED
from gradkit.submission.excerpt import Excerpt, Piece
from gradkit.task.functions import steps_of


class FunctionScript:
    """The script of a finding about functions.

    Parameters
    ----------
    result, recorded, finding : mapping
        The result, its task and its finding, as the result file has them.
    submission : Submission
    session : Session

    Raises
    ------
    ReproducerError
        The input is computed by a model solution, which is not available.

    Attributes
    ----------
    task : FunctionTask
    found : float or None
        The recorded number; None if the output has a wrong shape, or the code crashes.
    place : int
        Index of the number in the list that the script prints.
    """

    place = 0

    def __init__(
        self, result: Data, recorded: Data, finding: Data, submission: Submission, session: Session
    ) -> None:
        """Find the recorded check and input of a finding of a function task.

        ``result``, ``recorded`` and ``finding`` are the result, its task and the finding, as plain
        data. ``submission`` has the student's code, and ``session`` the assignment and its model
        solutions.

        Raises
        ------
        ReproducerError
            The check reads expected values, and there is no model solution to compute them.
        """
        self._finding, self._name = finding, submission.name
        task, seed = recorded["task"], int(recorded["seed"])
        self._grader = run_function_grader(session, submission, task, seed)
        if result["oracle"] == "reference" and self._grader.solution is None:
            # The recorded result was judged at random inputs, not at those of the examples.
            self._grader.examples = ()
            self._grader.draws = self._grader.inputs()
        self._section = self._grader.process.section
        self.task: FunctionTask = self._grader.task
        self._modules = {**self.task.given, **submission.modules}
        (check,) = [c for c in recorded["checks"] if c["check"] == finding["check"]]
        (self._check,) = [c for c in self.task.checks if c.name == finding["check"]]
        steps = steps_of(self.task, self._check)
        # Outputs of earlier checks are replaced by expected values before they are used.
        replaced = {name for step in steps[:-1] for name in step.compare}
        if not self._grader.has_expected and replaced & {*self._check.call.reads}:
            raise ReproducerError(
                f"{finding['id']}: its input is computed by the model solution, which is not here."
            )
        wrong = [entry for entry in check["entries"] if entry["state"] != "pass"]
        wrong.sort(
            key=lambda entry: (entry["parameter"] not in finding["entries"], not entry["probe"])
        )
        self._entry = wrong[0] if wrong else {"parameter": finding["entries"][0], "probe": ""}
        self.found: float | None = self._entry.get("found")

    def text(self) -> str:
        """Return the text of the script.

        It has the student's code that the check needs, the input, the check's calls, and the
        printing of the recorded number.
        """
        draws = {draw.label: draw for draw in self._grader.draws}
        draw = draws.get(self._entry["probe"], self._grader.draws[0])
        request = self._grader.asked(self._check, [draw])
        ((_, steps, _),) = request.draws
        own = {name: given for name, given in request.functions.items() if "." not in name}
        code = self._pieces(self._section, own.values())
        value = self._value()
        text = "\n".join([*(step.text for step in steps), value])
        names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
        read = {name.id for name in names if isinstance(name.ctx, ast.Load)}

        def given(values: Mapping[str, Any]) -> dict[str, str]:
            return {name: source(value) for name, value in values.items() if name in read}

        imports = ["import numpy as np"]
        check, seed = self._check.name, self._grader.seed
        script = text_of(
            "outcome",
            finding=self._finding,
            name=self._name,
            title=self.task.title,
            what=f"the check “{check}” at the input “{draw.label}” of seed {seed}",
            imports=imports,
            code=written(code, imports),
            own=own,
            seed=SEED,
            given=given(draw.values),
            value=value,
            steps=[(step.text.strip(), given(step.put)) for step in steps],
            expected=self._entry.get("expected"),
        )
        return f"{script}\n"

    def _value(self) -> str:
        """Return the expression for the printed number.

        It is an entry of an output; the sum of an input that must not be changed; or, if no number
        is recorded, the output's shape.
        """
        output = str(self._entry["parameter"])
        if output.endswith(LEFT_ALONE):
            return f"np.sum({output.removesuffix(LEFT_ALONE)})"
        if self.found is None:
            return f"np.shape({output})"
        return f"float(np.asarray({self._entry['label'] or output}).item())"

    def _pieces(self, section: Section, names: Collection[str]) -> list[Piece]:
        """Return the pieces of the student's code that define some functions or their classes."""
        return Excerpt(section, self._modules, ()).pieces([n.partition(".")[0] for n in names])

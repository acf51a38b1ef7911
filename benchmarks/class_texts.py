"""A class that nobody taught: right submissions in many hands, wrong ones in as many ways.

Right ones are those of the table of accepted conventions. Wrong ones are their wrong twins,
the samples of `tests/mistakes`, and right ones with one or two slips. Each is then
written in a hand of its own: local names, how constants are spelt, comments.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from accepted.conventions import ACCEPTED  # noqa: E402  (from the checkout)
from mistakes.samples import samples  # noqa: E402

RIGHT_OF_TEN = 6

LOCALS = {
    "d2": ("d2", "dA2", "delta", "delta_out", "grad_out", "error_out"),
    "d1": ("d1", "dA1", "delta_hidden", "back", "hidden_error"),
    "dW2": ("dW2", "grad_W2", "gW2", "slope_W2", "W2_grad"),
    "dW1": ("dW1", "grad_W1", "gW1", "slope_W1", "W1_grad"),
    "db2": ("db2", "grad_b2", "gb2", "b2_grad"),
    "db1": ("db1", "grad_b1", "gb1", "b1_grad"),
    "A_prev": ("A_prev", "before", "incoming", "a_in"),
    "losses": ("losses", "history", "loss_list", "all_losses"),
    "optimizer": ("optimizer", "opt", "sgd", "optim_"),
    "y_pred": ("y_pred", "out", "predicted", "pred_y"),
}
CONSTANTS = {
    "0.001": ("0.001", "1e-3", ".001", "(1 / 1000)"),
    "0.01": ("0.01", "1e-2", ".01", "(1 / 100)"),
    "0.1": ("0.1", "1e-1", ".1"),
}
REMARKS = (
    "# chain rule",
    "# see lecture 4",
    "# TODO: tidy up",
    "# gradient of the loss",
    "# not sure about this one",
    "# weights and biases have rates of their own",
    "# checked with pen and paper",
)

SLIPS = (  # one of these, or two, make a right submission wrong
    (r"(?<== )-2 \* \(", "-1 * ("),
    (r"(?<== )-2 \* \(", "2 * ("),
    (r"(?<== )-2 \* \(", "-4 * ("),
    (r"(?<== )-\(", "("),
    (r"(?<== )-\(", "-2 * ("),
    (r" \* A1 \* \(1 - A1\)", ""),
    (r" \* A1 \* \(1 - A1\)", " * A1"),
    (r" \* A1 \* \(1 - A1\)", " * (1 - A1)"),
    (r"0\.001 \* dW1", "0.01 * dW1"),
    (r"0\.001 \* dW2", "0.01 * dW2"),
    (r"0\.01 \* db1", "0.001 * db1"),
    (r"0\.01 \* db2", "0.1 * db2"),
    (r"0\.001 \* dW2", "0.001 * 3 * dW2"),
    (r"db1 = d1", "db1 = d1 * X"),
    (r"db2 = d2", "db2 = 2 * d2"),
    (r"np\.dot\(X, d1\.T\)", "np.dot(d1, X.T)"),
    (r"0\.01 \* db1", "0.01 * -db1"),
    (r"0\.001 \* dW1", "-0.001 * dW1"),
    (r"zero_grad\(\)", "zero_grad"),
    (r"lr=lr", "lr=2 * lr"),
    (r"lr=lr", "lr=lr, momentum=0.5"),
    (r"loss_fn\(y_pred, y\)", "loss_fn(y_pred, y) / 2"),
    (r"nn\.MSELoss\(\)", "nn.L1Loss()"),
    (r"nn\.MSELoss\(\)", 'nn.MSELoss(reduction="sum")'),
    (r"nn\.BCELoss\(\)", "nn.MSELoss()"),
    (r"nn\.Linear\(2, 2\), nn\.Sigmoid\(\)", "nn.Linear(2, 2), nn.Tanh()"),
    (r"nn\.Linear\(2, 2\), nn\.Linear", "nn.Linear(2, 2), nn.ReLU(), nn.Linear"),
)

TROUBLES = (
    "    while True:\n        pass\n",
    "    import os\n    os._exit(3)\n",
    "    import time\n    time.sleep(1000)\n",
    "    import os\n    os.abort()\n",
)
"""Two that hang and two that crash."""


def class_of(
    size: int, framework: str, seed: int, right_of_ten: int = RIGHT_OF_TEN
) -> Iterator[tuple[str, str, bool]]:
    """Yield file name, source and whether it is right for each submission of a generated class.

    The class is the same for the same seed. Of ten submissions, the first ``right_of_ten`` are
    right.
    """
    rng = random.Random(seed)
    entries = [
        entry
        for entry in ACCEPTED
        if entry.task.endswith(framework) and isinstance(entry.source, str)
    ]
    known = _known_mistakes(framework)
    for number in range(size):
        right = number % 10 < right_of_ten
        entry = rng.choice(entries)
        task, text = entry.task, str(entry.source)
        if not right:
            task, text = _wrong(entry.task, text, str(entry.twin), known, rng)
        name = f"s{number:05}_{task.replace('-', '_')}.py"
        yield name, in_a_hand(text, number, rng), right


def as_asked(size: int, framework: str, seed: int) -> Iterator[str]:
    """Yield right regression submissions with the required function names, each in another style.

    Other graders can only run submissions with these names.
    """
    rng = random.Random(seed)
    names = ("as-asked", "class-and-train")
    entry = next(e for e in ACCEPTED if e.task == f"regression-{framework}" and e.name in names)
    for number in range(size):
        yield in_a_hand(str(entry.source), number, rng)


def hostile(size: int, framework: str, seed: int) -> Iterator[tuple[str, str]]:
    """Yield file name and source of submissions that hang or crash, in turn."""
    for number, text in enumerate(as_asked(size, framework, seed)):
        head = re.compile(r"^(def (?:update_parameters|train)\(.*\):\n)", re.MULTILINE)
        trouble = TROUBLES[number % len(TROUBLES)]
        yield f"x{number:05}_regression_{framework}.py", head.sub(r"\1" + trouble, text)


def in_a_hand(text: str, number: int, rng: random.Random) -> str:
    """Return the same program with other names of variables, forms of constants and comments."""
    for name, others in LOCALS.items():
        other = rng.choice(others)
        if not re.search(rf"\b{other}\b", text):
            text = re.sub(rf"(?<!['\"])\b{name}\b(?!['\"])", other, text)
    for constant, ways in CONSTANTS.items():
        parts = re.split(rf"(?<![\w.]){re.escape(constant)}(?![\w.])", text)
        text = parts[0] + "".join(rng.choice(ways) + part for part in parts[1:])
    lines = []
    for line in text.split("\n"):
        if line.startswith("    ") and rng.random() < 0.15:
            lines.append(line[: len(line) - len(line.lstrip())] + rng.choice(REMARKS))
        lines.append(line)
    return f"# student {number}, handed in on day {rng.randrange(1, 30)}\n" + "\n".join(lines)


def _known_mistakes(framework: str) -> list[tuple[str, str]]:
    """Return task and source of the samples of `tests/mistakes` for a framework."""
    found = []
    for source in samples().values():
        task = source.split("\n", 1)[0].removeprefix("# task:").strip()
        if task.endswith(framework):
            found.append((task, source))
    return found


def _wrong(
    task: str, text: str, twin: str, known: list[tuple[str, str]], rng: random.Random
) -> tuple[str, str]:
    """Return the task and text of a wrong submission, chosen at random.

    It is ``twin``, the wrong version of the text; a known mistake; a known mistake with generated
    ones; or the text itself with one or two generated mistakes.
    """
    way = rng.randrange(4)
    if way == 0:
        return task, twin
    if way == 1:
        return rng.choice(known)
    if way == 2:
        task, text = rng.choice(known)
    fitting = [slip for slip in SLIPS if re.search(slip[0], text)]
    for pattern, wrong in rng.sample(fitting, min(len(fitting), rng.choice((1, 1, 2)))):
        text = re.sub(pattern, wrong.replace("\\", r"\\"), text, count=1)
    return (task, text) if fitting or way == 2 else (task, twin)

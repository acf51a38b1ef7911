"""The catalogue of mistakes, read from its pages when first asked for.

Each mistake has a page in ``pages``: TOML between two lines ``+++``, then Markdown, in which
``Example:`` is followed by what `NETS` says of the page's ``net``. Its
prediction is code, found under the same code word: `rewrite.REWRITES` for updates,
`forward.CHANGES` for forward passes, `training.CHANGES` for training runs. In exercises of
functions a mistake is a kind of change, in `gradkit.diagnosis.repair.kinds`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from gradkit.diagnosis.repair.kinds import kinds
from gradkit.errors import GradkitError
from gradkit.records.mistake import Mistake, Preset
from gradkit.records.result import UNEXPLAINED

CODES = (
    # The forward pass, and the model.
    "layer-skipped",
    "layer-repeated",
    "missing-activation",
    "wrong-activation",
    "wrong-sigmoid-sign",
    "activation-twice",
    "double-sigmoid",
    "missing-bias",
    "subtracted-bias",
    "weight-not-transposed",
    "hidden-returned",
    "wrong-hidden-returned",
    "swapped-returns",
    # The update.
    "nothing-updated",
    "copy-dropped",
    "not-updated",
    "input-mutated",
    "integer-truncation",
    "gradient-stored",
    "overwritten",
    "wrong-source-entry",
    "wrong-target",
    "missing-error",
    "wrong-error",
    "squared-error",
    "missing-output-derivative",
    "extra-output-derivative",
    "missing-weight",
    "wrong-weight",
    "missing-activation-derivative",
    "wrong-activation-derivative",
    "extra-activation-derivative",
    "wrong-derivative-argument",
    "misplaced-parenthesis",
    "missing-input",
    "wrong-layer-input",
    "bias-times-input",
    "extra-factor",
    "swapped-index",
    "wrong-index",
    "bias-sum-axis",
    "wrong-sum-axis",
    "updated-before-use",
    # The training run.
    "wrong-loss",
    "logits-loss",
    "broadcast-target",
    "wrong-reduction",
    "mini-batch",
    "unregistered-parameters",
    "graph-detached",
    "missing-step",
    "gradients-cleared",
    "missing-zero-grad",
    "momentum",
    "wrong-optimizer",
    "wrong-rounds",
    "loss-after-step",
    "recorded-loss",
    # Figures.
    "wrong-sign",
    "wrong-factor",
    "rate-ignored",
    "wrong-learning-rate",
    "uneven-learning-rate",
)
"""Every mistake, the most basic first: the order in which findings are told."""

MEMORISED, NONDETERMINISTIC = "memorised-answers", "nondeterministic"
SEVERAL, FORBIDDEN, NUMERICAL = "several-files", "forbidden-import", "numerical-gradient"
OWN_FORWARD = "own-forward-gradient"
REMARKS = (MEMORISED, NONDETERMINISTIC, SEVERAL, FORBIDDEN, NUMERICAL, OWN_FORWARD)
"""What may be remarkable about a submission, right or wrong: no mistakes, and they cost nothing."""

CRASH, NO_RETURN = "crash", "missing-return"
STOPS = (CRASH, NO_RETURN)
"""Reasons why a function gives no result: Python or the text names them, and not a prediction."""

RANK: Mapping[str, int] = MappingProxyType({code: place for place, code in enumerate(CODES)})

DEDUCTIONS: Mapping[str, Mapping[Preset, float]] = {
    "order": {"default": 0.15, "strict": 0.50, "lenient": 0.0},
    "index": {"default": 0.30, "strict": 0.50, "lenient": 0.20},
    "derivative": {"default": 0.30, "strict": 0.50, "lenient": 0.20},
    "sign": {"default": 0.25, "strict": 0.50, "lenient": 0.15},
    "figure": {"default": 0.10, "strict": 0.25, "lenient": 0.05},
    "share": {},
    "nothing": {"default": 0.0, "strict": 0.0, "lenient": 0.0},
    "form": {"default": 0.50, "strict": 1.0, "lenient": 0.30},
    "return": {"default": 0.25, "strict": 0.50, "lenient": 0.10},
    "loop": {"default": 0.30, "strict": 0.50, "lenient": 0.20},
}
"""What a mistake costs of its check, once; an empty table means the parameters' share."""

NETS: Mapping[str, str] = {
    "tanh": """\
3 inputs `x`, 4 tanh units `h`, 1 linear output `o`, target `t`, loss (t − o)²;
`delta` is ∂L/∂u, `dU` ∂L/∂U and so on, `rate` is 0.05.

    u = U.T @ x + a      h = np.tanh(u)      o = V.T @ h + c""",
    "square": """\
3 inputs `x`, 3 tanh units `h`, 1 linear output `o`, target `t`, loss (t − o)²;
`delta` is ∂L/∂u, `dU` ∂L/∂U and so on, `rate` is 0.05.

    u = U.T @ x + a      h = np.tanh(u)      o = V.T @ h + c""",
    "logistic": """\
one logistic unit `o` on 3 features `q`, target `t` (0 or 1), cross-entropy; `rate` is 0.05.

    o = s(w.T @ q + k)      L = −t·log(o) − (1−t)·log(1−o)""",
    "torch": """\
6 rows `x` and targets `t`, each of shape (6, …), learning rate 0.05.

    first, second = nn.Linear(3, 4), nn.Linear(4, 1)
    net = nn.Sequential(first, nn.Tanh(), second)
    loss_function = nn.MSELoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)""",
    "torch-logistic": """\
6 rows `x` and targets `t` (0 or 1), each of shape (6, …), learning rate 0.05.

    first, second = nn.Linear(3, 4), nn.Linear(4, 1)
    net = nn.Sequential(first, nn.Tanh(), second, nn.Sigmoid())
    loss_function = nn.BCELoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)""",
}
"""The nets of the pages' examples: none is an assignment's."""

FENCE = "+++\n"


class UnknownMistakeError(GradkitError):
    """There is no mistake of this code; the text says which are similar."""


def mistake(code: str) -> Mistake:
    """One mistake, kind of change, or remark, or what is to say about ``unexplained`` entries.

    Raises
    ------
    UnknownMistakeError
        There is none of this code; the text lists similar ones.
    """
    if code in RANK or code in (UNEXPLAINED, *STOPS, *REMARKS):
        return _read(code)
    if code in kinds():
        return kinds()[code]
    near = similar(code)
    known = f"similar ones are {', '.join(near)}" if near else "`gradkit explain` lists all"
    raise UnknownMistakeError(f"There is no mistake {code!r} in the catalogue; {known}.")


def require_one_of(codes: Collection[str], code: str, of: str) -> None:
    """Refuse a code that is none of those ``of`` something.

    Raises
    ------
    ValueError
        The text says which there are.
    """
    if code not in codes:
        raise ValueError(f"{code!r} is no mistake of {of}; those are {', '.join(codes)}.")


def similar(code: str) -> tuple[str, ...]:
    """At most six codes that are spelt nearly like this one, or have a word that is."""
    from difflib import get_close_matches

    asked = code.lower().replace("_", "-").replace(" ", "-")
    codes = (*CODES, *STOPS, *kinds())
    near = get_close_matches(asked, codes, n=4, cutoff=0.7)
    words = {word for known in codes for word in known.split("-")}
    meant = {near for word in asked.split("-") for near in get_close_matches(word, words, 1, 0.8)}
    near += [known for known in codes if meant & set(known.split("-"))]
    return tuple(dict.fromkeys(near))[:6]


def catalogue() -> Mapping[str, Mistake]:
    """All mistakes by code, the most basic first, then the kinds of changes of functions."""
    return MappingProxyType({**{code: _read(code) for code in (*CODES, *STOPS)}, **kinds()})


@cache
def _read(code: str) -> Mistake:
    import tomllib

    text = (files("gradkit.diagnosis.mistakes") / "pages" / f"{code}.md").read_text(
        encoding="utf-8"
    )
    _, head, page = text.split(FENCE, 2)
    table: dict[str, Any] = tomllib.loads(head)
    first, second, third, fourth = table["hints"]
    example = f"Example: {NETS[table['net']]}\n"
    return Mistake(
        code,
        table["title"],
        table["sentence"],
        (first, second, third, fourth),
        tuple(table["about"]),
        table["group"],
        MappingProxyType(DEDUCTIONS[table["deduction"]]),
        page.strip().replace("Example:\n", example) + "\n",
        tuple(table.get("kinds", ())),
    )

"""Which of some mistakes that leave equal numbers a text can hold, and which it rather does."""

from __future__ import annotations

from gradkit.binding.idioms import Idioms

CLEARING = frozenset({"zero_grad", "grad", "zero_"})
"""Words without which no gradient is cleared."""

CUTTING = frozenset(
    {"detach", "detach_", "no_grad", "inference_mode", "set_grad_enabled", "requires_grad"}
    | {"requires_grad_", "data", "numpy"}
)
"""Words that cut a graph, or switch parameters off."""

ON_LOGITS = ("logits", "CrossEntropyLoss", "soft_margin", "SoftMargin")
"""Parts of the names of losses that apply the output's activation themselves."""

WRITTEN_OUT = frozenset({"exp", "log1p", "logaddexp", "softplus", "expit"})
"""Words of a sigmoid or a softmax, or of a loss with one in it, that is written by hand."""

SQUASHING = ("sigmoid", "softmax")


def barred_by(idioms: Idioms) -> frozenset[str]:
    """Mistakes that a text cannot hold; none where not all of it was read."""
    if not idioms.whole:
        return frozenset()
    words, cleared = idioms.words, _clears(idioms)
    written_out, on_logits = bool(words & WRITTEN_OUT), _has_logits(words)
    possible = {
        # Where every step comes too late nothing else has to be looked for.
        "graph-detached": not cleared,
        "unregistered-parameters": not cleared,
        "missing-step": "step" not in idioms.order,
        "gradients-cleared": "step" in words
        and bool(words & CLEARING)
        and (not idioms.order or cleared),
        "logits-loss": on_logits or written_out or _has(words, ("softmax",)),
        # A sigmoid of the module's own may be called by any name.
        "double-sigmoid": not on_logits or written_out or _has(idioms.outside, SQUASHING),
    }
    return frozenset(code for code, held in possible.items() if not held)


def likely_by(idioms: Idioms) -> frozenset[str]:
    """Mistakes that the words of a text speak for, where numbers leave several."""
    words = idioms.words
    cut = bool(words & CUTTING)
    spoken_for = {
        "missing-step": "step" not in words,
        "gradients-cleared": _clears(idioms),
        "graph-detached": cut,
        "unregistered-parameters": not cut and "step" in words,
        "wrong-reduction": "sum" in words,
        "recorded-loss": idioms.reckoned,
        "logits-loss": _has_logits(words),
    }
    return frozenset(code for code, spoken in spoken_for.items() if spoken)


def _clears(idioms: Idioms) -> bool:
    """Whether gradients are cleared between their being worked out and the step."""
    order = idioms.order
    return "step" in order and "zero_grad" in order[: order.index("step")]


def _has_logits(words: frozenset[str]) -> bool:
    return "cross_entropy" in words or _has(words, ON_LOGITS)


def _has(words: frozenset[str], parts: tuple[str, ...]) -> bool:
    return any(part.lower() in word.lower() for word in words for part in parts)

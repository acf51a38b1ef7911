"""Decide about a finding for a whole class: withdraw it, count it again, accept or price it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.store.prices import decision_revision, prices, shares
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import ConflictError
from gradkit.diagnosis.catalogue import current_code, mistake
from gradkit.grading.settings import GradingError, Settings


class Decisions(Struct, frozen=True):
    """The decisions of a call of `remark_class` about findings, by their current codes.

    A price of None withdraws the price that is set.
    """

    drops: tuple[str, ...]
    keeps: tuple[str, ...]
    accepts: tuple[str, ...]
    prices: Mapping[str, float | None]


def decisions(
    drops: Sequence[str],
    keeps: Sequence[str],
    accepts: Sequence[str],
    new_prices: Mapping[str, float],
    unprices: Sequence[str],
) -> Decisions:
    """Return the decisions of a call of `remark_class`, with current codes.

    The arguments are those of `remark_class`. In the prices, None means that an earlier price is
    withdrawn.

    Raises
    ------
    GradingError
        A code is in both ``new_prices`` and ``unprices``. Unknown codes are refused too.
    """
    made: dict[str, float | None] = {
        mistake(code).code: share for code, share in new_prices.items()
    }
    for code in map(current_code, unprices):
        if code in made:
            raise GradingError(
                f"--price and --no-price both name {code}. Leave out one of the two."
            )
        made[code] = None
    return Decisions(
        tuple(mistake(code).code for code in drops),
        tuple(map(current_code, keeps)),
        tuple(mistake(code).code for code in accepts),
        made,
    )


def decided_settings(store: Store, made: Decisions, settings: Settings) -> Settings:
    """Return settings with the decisions about findings that a class has stored, and with new ones.

    ``made`` are the new decisions. They take precedence over the class's stored ones.
    """
    dropped = dict.fromkeys([*map(current_code, store.dropped()), *made.drops])
    valid = {**dict(shares(store)), **made.prices}
    return replace(
        settings,
        dropped=tuple(code for code in dropped if code not in made.keeps),
        accepted=tuple(dict.fromkeys([*settings.accepted, *made.accepts])),
        prices=tuple((code, share) for code, share in valid.items() if share is not None),
    )


def refuse_unseen(store: Store, seen: Mapping[str, str]) -> None:
    """Raise ConflictError if somebody has decided about a finding since a person has seen it.

    ``seen`` maps the code of each finding to the revision that the person has seen. It is compared
    with the present revision in ``store``.
    """
    for code, revision in seen.items():
        if revision != decision_revision(store, code):
            raise ConflictError(
                f"Another person has meanwhile priced or withdrawn {code}, or counted it again."
            )


def refuse_decisions(store: Store, made: Decisions) -> None:
    """Raise GradingError if a decision contradicts another one, or changes nothing.

    It is also raised if a price is not between 0 and 1, or for a withdrawn finding.
    """
    dropped = tuple(map(current_code, store.dropped()))
    _refuse_keeping(made.keeps, made.drops, dropped)
    known = prices(store)
    for code, share in made.prices.items():
        if share is None and code not in known:
            listed = f" Prices are set for {', '.join(known)}." if known else ""
            raise GradingError(f"--no-price {code}: no price is set for this finding.{listed}")
        if share is not None and not 0 <= share <= 1:
            raise GradingError(f"The price of {code} is {100 * share:g} %; expected 0 to 100 %.")
        if share is not None and code in {*dropped, *made.drops} - {*made.keeps}:
            raise GradingError(
                f"--price {code}: this finding is withdrawn and costs nothing. To count it again, "
                f"add --keep {code}."
            )


def _refuse_keeping(keeps: Sequence[str], drops: Sequence[str], dropped: Sequence[str]) -> None:
    """Raise GradingError if ``--keep`` names a code that is not withdrawn, or also dropped."""
    for code in keeps:
        if code in drops:
            raise GradingError(f"--drop and --keep both name {code}. Leave out one of the two.")
        if code not in dropped:
            listed = f"Withdrawn: {', '.join(dropped)}" if dropped else "No finding is withdrawn"
            raise GradingError(f"--keep {code}: this finding is not withdrawn. {listed}.")

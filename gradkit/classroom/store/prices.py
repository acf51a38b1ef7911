"""Read and store decisions about a finding for one class: its price, and that it is withdrawn.

A price replaces that of the assignment. Rows of prices are never changed: the newest row of a code
is valid, and an empty share withdraws the price.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gradkit.classroom.store.results import Store

NO_DEDUCTIONS = (
    "With the preset numbers findings cost nothing, so they cannot be priced. Choose another "
    "preset with `gradkit remark --preset`."
)
"""Message if a finding is to be priced in a class whose preset ignores findings."""


class Price(Struct, frozen=True):
    """The share of a check's points that each finding with a code costs in a class.

    ``by`` is the person who set it, ``comment`` the reason, and ``made`` the time, UTC, ISO 8601.
    """

    code: str
    share: float
    by: str
    comment: str
    made: str


class Withdrawal(Struct, frozen=True):
    """The decision of a person that a finding counts for nobody; the fields are as in `Price`."""

    code: str
    by: str
    comment: str
    made: str


def withdrawals(store: Store) -> dict[str, Withdrawal]:
    """Return the withdrawn findings of a class by their codes."""
    rows = store.rows(
        "SELECT code, who, why, began FROM drops JOIN runs ON runs.id = run ORDER BY code"
    )
    return {row["code"]: Withdrawal(*row) for row in rows}


def prices(store: Store) -> dict[str, Price]:
    """Return the prices that are valid in a class, by the codes of the findings."""
    if not store.has_table("prices"):
        return {}
    rows = store.rows(
        "SELECT code, share, who, why, began FROM prices JOIN runs ON runs.id = run "
        "WHERE prices.id IN (SELECT max(id) FROM prices GROUP BY code) AND share IS NOT NULL "
        "ORDER BY code"
    )
    return {row["code"]: Price(*row) for row in rows}


def shares(store: Store) -> tuple[tuple[str, float], ...]:
    """Return the valid prices as `gradkit.grading.settings.Settings` has them."""
    return tuple((code, price.share) for code, price in prices(store).items())


def set_prices(store: Store, run: int, new: Mapping[str, float | None]) -> None:
    """Store the prices that a run sets, by the codes of the findings.

    A price is a share of a check's points, from 0 to 1; None withdraws it.
    """
    with store.writing():
        for code, share in new.items():
            store.insert("prices", run=run, code=code, share=share)


def decision_revision(store: Store, code: str) -> str:
    """Return a text that changes when a finding is priced, withdrawn, or counted again."""
    priced = withdrawn = 0
    if store.has_table("prices"):
        (row,) = store.rows("SELECT max(id) AS id FROM prices WHERE code = ?", (code,))
        priced = row["id"] or 0
    for row in store.rows("SELECT run FROM drops WHERE code = ?", (code,)):
        withdrawn = row["run"]
    return f"{priced}-{withdrawn}"

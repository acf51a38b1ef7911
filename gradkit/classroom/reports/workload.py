"""Who looks at whom: students split among assistants, so that few change hands later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def share(names: Sequence[str], assistants: Sequence[str]) -> dict[str, str]:
    """Give each student an assistant: the same ones always, and about as many to each.

    Every assistant has a rank for every student, drawn from both names (rendezvous hashing),
    and takes the best ones up to an even share, rounded up. Nobody has more than that; all
    that is missing from even shares, less than one for each assistant, may be missing from
    one of them. Where a student or an assistant comes or goes, those move that have to, and
    the few whose first choice has become free or full thereby: of 300 among four, one student
    more or less moves five at most of what was tried, thirty less a dozen, and an assistant
    who leaves hardly any of the others' students.

    Parameters
    ----------
    names : sequence of str
        The students; their order does not matter.
    assistants : sequence of str
        At least one, all different; their order does not matter.

    Returns
    -------
    dict of str to str
        The assistant by student.

    References
    ----------
    Thaler and Ravishankar, A name-based mapping scheme for rendezvous, 1996. Mirrokni, Thorup
    and Zadimoghaddam, Consistent hashing with bounded loads, 2018.
    """
    room = dict.fromkeys(assistants, -(-len(names) // len(assistants)))
    found = {}
    for name in sorted(names, key=lambda name: (_drawn(name), name)):
        ranked = sorted(assistants, key=lambda one: (_drawn(name, one), one))
        taken = next(one for one in ranked if room[one])
        room[taken] -= 1
        found[name] = taken
    return found


def _drawn(*words: str) -> bytes:
    """A number that is as good as random, and the same on every machine."""
    text = "\0".join(words)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

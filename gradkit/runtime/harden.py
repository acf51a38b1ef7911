"""The order in which a fork server and its workers are shut in, and the tier that comes of it.

| tier | what is applied, on top of the one below |
|---|---|
| 0 | limits on resources: `gradkit.runtime.confine` |
| 1 | hidden memory, adopted orphans, no new privileges, a list of allowed calls; root is counted |
| 2 | Landlock: libraries can be read, nothing else, and nothing written |
| 3 | an account that is nobody's, where the fork server was started by root |

What the machine lacks is found out first, and lowers the tier. What it has is then applied, and a
step that fails ends the process: no worker runs with less than its tier.

Linux only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from gradkit.runtime import filters, linux
from gradkit.runtime.errors import ConfinementError
from gradkit.runtime.readable import readable

DEFENCES = ("hidden", "landlock", "room", "leash", "account", "counted", "limits")
"""What tests can leave out, to see that its absence is noticed."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What has been put around a fork server: the tier, and defences left out by a test.

    ``alone``: no other process counts as the account that it has.
    """

    tier: int
    omitted: tuple[str, ...] = ()
    alone: bool = False


def shut_in(folder: str, packages: Sequence[str], most: int, omitted: Sequence[str]) -> Shell:
    """Put the fork server in its room, for good.

    Parameters
    ----------
    folder : str
        The folder it works in, which exists and is empty.
    packages : sequence of str
        Packages that student code needs.
    most : int
        The tier to stop at.
    omitted : sequence of str
        Of `DEFENCES`, those to leave out while the tier is claimed all the same.

    Raises
    ------
    ConfinementError
        If a step fails that this machine should be able to do.
    """
    try:
        linux.adopt_orphans()
        if most < 1 or not (filters.known() and linux.can_filter()):
            return Shell(0, tuple(omitted))
        return _shut_in(folder, packages, most, tuple(omitted))
    except OSError as error:
        raise ConfinementError(
            f"the process that student code would run in could not be confined: {error}"
        ) from error


def _shut_in(folder: str, packages: Sequence[str], most: int, omitted: tuple[str, ...]) -> Shell:
    files, folders = readable(packages)
    tier = 2 if most >= 2 and linux.landlock_version() else 1
    installed = [file for file in files if os.path.dirname(file) in folders]
    # Before root is given up, which may be able to read more.
    rules = linux.ruleset(files, [*folders, folder], os.path.dirname(folder)) if tier == 2 else None
    account = _account(installed) if most >= 3 else None
    alone = False
    if account is not None:
        tier = 3 if tier == 2 else tier
        if "account" not in omitted:
            os.chown(folder, account, account)
            linux.become(account)
            alone = True
    elif os.geteuid() == 0 and "counted" not in omitted:
        spare = linux.spare_account()
        if linux.can_count_as(spare):
            # What asks whether it could write there asks for the account that it counts as.
            os.chown(folder, spare, -1)
            linux.count_as(spare)
            alone = True
    if "hidden" not in omitted:
        linux.hide()
    linux.renounce()
    if rules is not None:
        if "landlock" in omitted:
            os.close(rules)
        else:
            linux.read_only(rules)
    if "room" not in omitted:
        linux.filter_calls(filters.room())
    return Shell(tier, omitted, alone)


def _account(files: Sequence[str]) -> int | None:
    """A spare account, where this is root and what is installed can be read by others."""
    if os.geteuid() != 0:
        return None
    account = linux.spare_account()
    return account if linux.can_become(account, files) else None


def tie_down(shell: Shell, server: int) -> None:
    """Take from a worker, a child of process `server`, what that still may.

    Raises
    ------
    ConfinementError
        If a step fails.
    """
    try:
        linux.die_with(server)
        if shell.tier >= 1 and "leash" not in shell.omitted:
            linux.filter_calls(filters.leash(os.getpid()))
    except OSError as error:
        raise ConfinementError(
            f"the process that student code would run in could not be confined: {error}"
        ) from error

"""Make results for the store, and run code without the rights of an administrator."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from msgspec.structs import replace

from gradkit.classroom.store.results import Store, pack, settings_of
from gradkit.records.classroom import Filed, Kept, Listed
from gradkit.records.course import Sender

PLAIN = Filed("kim", "class/kim.py", "digest-1", "key-1", "graded", "", 15.0, 20.0)


def filed(name: str = "kim", **facts: object) -> Filed:
    """A result with its bulk, which says whose it is."""
    own = {
        "path": f"class/{name}.py",
        "result": pack(f"result of {name}"),
        "evidence": pack(f"evidence of {name}"),
    }
    return replace(PLAIN, name=name, **{**own, **facts})  # type: ignore[arg-type]


def add(store: Store, run: int, results: Sequence[Filed]) -> None:
    """Store results of submissions that a run has found under these names."""
    with store.writing():
        store.add(run, results)
        store.add_listed(
            run,
            [
                Listed(one.name, one.digest, place, "", Sender(one.name, "plain", {}, False, ""))
                for place, one in enumerate(results)
            ],
        )


def dated(store: Store, kept: Kept, at: str) -> None:
    """Store a run that found an attempt again, with the platform's time of submission."""
    run = store.begin("grade", settings_of(store))
    sender = replace(kept.sender, at=at)
    store.add_listed(run, [Listed(kept.name, kept.digest, kept.place, kept.stamp, sender)])
    store.end(run)


def as_stranger(imports: str, script: str, *arguments: object) -> str:
    """Return the output of a script that is run without the rights of an administrator."""
    lines = [imports, "import os, sys", "if os.getuid() == 0: os.setuid(65534)", script]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

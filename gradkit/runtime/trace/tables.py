"""Recordings of several calls side by side, as arrays and tables that fit into a frame."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.trace.recording import Recording, Seen, Slot
from gradkit.runtime.trace.values import Path

NAMES = 40_000
"""Bytes of names in a reply, which keeps it within a frame's header."""

COLUMNS = ("cell", "line", "name", "shape", "offset", "kind", "prior", "frame", "run")
"""``frame`` numbers the functions that were run, 0 the watched one; −1 is outside of them."""


def aligned(recordings: list[Recording]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Events that happened in all of the calls that took the way most calls took.

    An event that some of them lack, because the value happened to stay the same, is
    filled in with what its name held.
    """
    ways: dict[tuple[Any, ...], list[int]] = {}
    for index, recording in enumerate(recordings):
        ways.setdefault(tuple(recording.steps), []).append(index)
    kept = max(ways.values(), key=len, default=[])
    chosen = [recordings[index] for index in kept]
    merged: dict[tuple[Any, ...], Seen] = {}
    for recording in chosen:
        for seen in recording.events:
            merged.setdefault(seen.key(), seen)
    tables = _Tables()
    cut = any(recording.cut for recording in chosen)
    held: list[dict[Slot, Seen]] = [{} for _ in chosen]
    made = [{seen.key(): seen for seen in recording.events} for recording in chosen]
    columns: list[NDArray[Any]] = []
    # Within a step the first call's order stands.
    for key, seen in sorted(merged.items(), key=lambda item: item[0][0]):
        for known, mine in zip(held, made, strict=True):
            if key in mine:
                known[seen.slot] = mine[key]
        values = [known.get(seen.slot) for known in held]
        if any(value is None or value.value.shape != seen.value.shape for value in values):
            continue
        if not tables.add(key, seen):
            cut = True
            break
        columns.append(np.stack([value.value.ravel() for value in values if value is not None]))
    total = np.concatenate(columns, axis=1) if columns else np.zeros((len(chosen), 0))
    arrays: dict[str, NDArray[Any]] = {"values": total, "calls": np.array(kept, dtype=np.int64)}
    arrays["events"] = np.array(tables.rows, dtype=np.int64).reshape(-1, len(COLUMNS))
    return arrays, {**tables.data(), "cut": cut}


class _Tables:
    """Events as rows of numbers, with what they point at told once."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self._cells: dict[str, int] = {}
        self._names: dict[Path, int] = {}
        self._shapes: dict[tuple[int, ...], int] = {}
        self._keys: dict[tuple[Any, ...], int] = {}
        self._room = NAMES
        self._offset = 0

    def add(self, key: tuple[Any, ...], seen: Seen) -> bool:
        """Add an event; False where the names grow too long."""
        if seen.path not in self._names:
            self._room -= len(json.dumps(list(seen.path))) + 16
            if self._room < 0:
                return False
        prior = -1 if seen.prior is None else self._keys.get(seen.prior.key(), -1)
        self._keys[key] = len(self.rows)
        self.rows.append(
            [
                self._cells.setdefault(seen.cell, len(self._cells)),
                seen.line,
                self._names.setdefault(seen.path, len(self._names)),
                self._shapes.setdefault(seen.value.shape, len(self._shapes)),
                self._offset,
                seen.kind,
                prior,
                seen.slot[0],
                seen.run,
            ]
        )
        self._offset += seen.value.size
        return True

    def data(self) -> dict[str, Any]:
        return {
            "cells": list(self._cells),
            "names": [list(path) for path in self._names],
            "shapes": [list(shape) for shape in self._shapes],
        }

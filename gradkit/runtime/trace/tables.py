"""A recording as arrays and tables that fit into a frame."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.trace.recording import Recording, Seen
from gradkit.runtime.trace.values import Path

NAMES = 40_000
"""Bytes of names in a reply, which keeps it within a frame's header."""

COLUMNS = ("cell", "line", "name", "shape", "offset", "kind", "prior", "frame", "run")
"""``frame`` numbers the functions that were run, 0 the watched one; −1 is outside of them."""


def told(recording: Recording) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the events as arrays and tables."""
    tables, values = _Tables(), [np.zeros(0, dtype=int)]
    for seen in recording.events:
        if not tables.add(seen):
            recording.cut = True
            break
        values.append(seen.value.ravel())
    arrays: dict[str, NDArray[Any]] = {"values": np.concatenate(values[1:] or values)}
    arrays["events"] = np.array(tables.rows, dtype=np.int64).reshape(-1, len(COLUMNS))
    return arrays, {**tables.data(), "cut": recording.cut}


class _Tables:
    """Events as rows of numbers, with what they point at told once."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self._cells: dict[str, int] = {}
        self._names: dict[Path, int] = {}
        self._shapes: dict[tuple[int, ...], int] = {}
        self._known: dict[int, int] = {}
        self._room = NAMES
        self._offset = 0

    def add(self, seen: Seen) -> bool:
        """Add an event; False where the names grow too long."""
        if seen.path not in self._names:
            self._room -= len(json.dumps(list(seen.path))) + 16
            if self._room < 0:
                return False
        prior = -1 if seen.prior is None else self._known.get(id(seen.prior), -1)
        self._known[id(seen)] = len(self.rows)
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

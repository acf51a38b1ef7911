"""The refusal of a diagnosis that is foreseen."""

from __future__ import annotations


class NoDiagnosisError(Exception):
    """There is no diagnosis for such a task; the text says why, as a part of a sentence."""

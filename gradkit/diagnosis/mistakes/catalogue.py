"""Offer the catalogue to the modules that search for repairs, under its former name."""

from gradkit.diagnosis.catalogue import mistake, rank

__all__ = ["RANK", "mistake"]

RANK = rank()

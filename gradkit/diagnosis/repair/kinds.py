"""Offer the kinds of changes to the modules that search for repairs, under their former name."""

from gradkit.diagnosis.catalogue import kinds

__all__ = ["kinds"]

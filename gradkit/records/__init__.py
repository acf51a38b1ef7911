"""The vocabulary of the line: frozen records without methods that compute.

A record is what one stage hands to the next. Nothing here imports anything of
gradkit but other records, so that both limbs can speak the same words without
knowing each other.
"""

"""Find which function plays which role, in which convention; or say what is missing.

Names and signatures are looked at first, then the worker is asked what the candidates
accept and give at known weights. No answer is known here.
"""

from gradkit.binding.roles import bind

__all__ = ["bind"]

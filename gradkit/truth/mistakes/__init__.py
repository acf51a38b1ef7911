"""The catalogue of mistakes: what each is, what it predicts, and how it is recognised."""

from gradkit.truth.mistakes.apply import apply, with_slips
from gradkit.truth.mistakes.cases import usual_cases
from gradkit.truth.mistakes.explain import explain

__all__ = ["apply", "explain", "usual_cases", "with_slips"]

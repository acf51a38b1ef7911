"""The catalogue of mistakes: what each is, what it predicts, and how it is recognised."""

from gradkit.truth.mistakes.apply import apply, with_slips
from gradkit.truth.mistakes.cases import usual_cases
from gradkit.truth.mistakes.explain import Diagnosis, diagnose, explain

__all__ = ["Diagnosis", "apply", "diagnose", "explain", "usual_cases", "with_slips"]

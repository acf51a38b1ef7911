"""The catalogue of mistakes: what each is, what it predicts, and how it is recognised.

Every mistake is a value (`mistake`, `catalogue`) with an executable prediction (`apply`,
`apply_forward`, `loop_with`). What a student's code did is explained by mistakes only
where their prediction, run, gives the observed numbers (`diagnose`, `explain_forward`,
`explain_training`).
"""

from gradkit.truth.mistakes.apply import apply, with_slips
from gradkit.truth.mistakes.cases import usual_cases
from gradkit.truth.mistakes.catalogue import CODES, RANK, catalogue, mistake
from gradkit.truth.mistakes.explain import Diagnosis, diagnose, explain
from gradkit.truth.mistakes.forward import apply_forward, explain_forward, usual_forward_cases
from gradkit.truth.mistakes.trained import explain_training
from gradkit.truth.mistakes.training import loop_with, usual_training_cases
from gradkit.truth.mistakes.wording import entries_text, fill, words

__all__ = [
    "CODES",
    "RANK",
    "Diagnosis",
    "apply",
    "apply_forward",
    "catalogue",
    "diagnose",
    "entries_text",
    "explain",
    "explain_forward",
    "explain_training",
    "fill",
    "loop_with",
    "mistake",
    "usual_cases",
    "usual_forward_cases",
    "usual_training_cases",
    "with_slips",
    "words",
]

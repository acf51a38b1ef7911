"""The catalogue of mistakes: what each is, what it predicts, and how it is recognised.

Every mistake is a value (`mistake`, `catalogue`) with an executable prediction (`apply`,
`apply_forward`, `loop_with`). What a student's code did is explained by mistakes only
where their prediction, run, gives the observed numbers (`diagnose`, `explain_forward`,
`explain_training`).
"""

from gradkit.diagnosis.mistakes.apply import apply, with_slips
from gradkit.diagnosis.mistakes.cases import usual_cases
from gradkit.diagnosis.mistakes.catalogue import CODES, RANK, catalogue, mistake
from gradkit.diagnosis.mistakes.explain import Diagnosis, diagnose
from gradkit.diagnosis.mistakes.forward import apply_forward, explain_forward, usual_forward_cases
from gradkit.diagnosis.mistakes.trained import explain_training
from gradkit.diagnosis.mistakes.training import loop_with, usual_training_cases
from gradkit.diagnosis.mistakes.wording import entries_text, fill, words

__all__ = [
    "CODES",
    "RANK",
    "Diagnosis",
    "apply",
    "apply_forward",
    "catalogue",
    "diagnose",
    "entries_text",
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

"""Rules: what an update step or a forward pass really computes.

`draw` makes the inputs of an update step. What the student's process says that it makes of them,
step by step, are polynomials (`program`), which `recover` reads as an exact formula per entry, and
holds to the numbers that came back; `text` prints it. `recover_forward` works on numbers alone:
forward passes have a few known forms.
"""

from gradkit.diagnosis.rules.draw import draw, draw_forward
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.forward import recover_forward
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_rules, step
from gradkit.diagnosis.rules.text import text

__all__ = [
    "correct_rules",
    "draw",
    "draw_forward",
    "evaluate",
    "recover",
    "recover_forward",
    "step",
    "text",
]

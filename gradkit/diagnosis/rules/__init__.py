"""Rules recovered from numbers: what an update step or a forward pass really computes.

Works on arrays alone. `draw` makes the inputs of an update step, `recover` reads from
what came back an exact formula per entry, `text` prints it. `recover_forward` does the
same for forward passes, which have a few known forms.
"""

from gradkit.diagnosis.rules.draw import draw, draw_forward
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.forward import recover_forward
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_rules, step
from gradkit.diagnosis.rules.text import forward_text, text

__all__ = [
    "correct_rules",
    "draw",
    "draw_forward",
    "evaluate",
    "forward_text",
    "recover",
    "recover_forward",
    "step",
    "text",
]

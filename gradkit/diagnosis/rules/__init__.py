"""Rules: what an update step or a forward pass really computes.

`draw` makes the inputs of an update step. What the student's process says that it makes of them,
step by step, are polynomials (`program`), which `recover` reads as an exact formula per entry, and
holds to the numbers that came back; `text` prints it. `recover_forward` works on numbers alone:
forward passes have a few known forms.
"""

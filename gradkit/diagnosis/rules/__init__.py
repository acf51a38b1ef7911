"""Rules: the exact formula by which each parameter entry changes in a student's update step.

`draw` makes random inputs of an update step. The student's code runs on symbolic inputs, which
gives a polynomial for each entry (`program`). `recover` turns the polynomials into formulas
(`Rule`) and verifies them on observed numbers; `text` prints them. `forward` finds the formula of a
forward pass by trying a list of known forms on observed numbers.
"""

"""The mistakes in forward passes and training runs: what each changes, and how it is recognised.

Every mistake has a prediction that can be run (`apply_forward`, `loop_with`). Student code is
explained by mistakes only if their prediction gives the observed numbers (`explain_forward`,
`explain_training`). Mistakes of updates are named in `gradkit.diagnosis.formulas`.
"""

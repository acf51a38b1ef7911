"""The catalogue of mistakes in nets of two layers: what each changes, and how it is recognised.

Every mistake has a prediction that can be run (`apply`, `apply_forward`, `loop_with`). Student code
is explained by mistakes only if their prediction gives the observed numbers (`diagnose`,
`explain_forward`, `explain_training`).
"""

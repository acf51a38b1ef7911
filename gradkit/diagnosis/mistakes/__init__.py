"""The catalogue of mistakes: what each is, what it predicts, and how it is recognised.

Every mistake is a value (`mistake`, `catalogue`) with an executable prediction (`apply`,
`apply_forward`, `loop_with`). What a student's code did is explained by mistakes only
where their prediction, run, gives the observed numbers (`diagnose`, `explain_forward`,
`explain_training`).
"""

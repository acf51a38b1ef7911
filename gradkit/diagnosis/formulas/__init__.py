"""Name the mistakes of an update step by comparing each entry's formula with the right one.

An entry of a parameter moves by a formula, for example::

    student:  W1[0, 1] += 0.001 · (y−ŷ) · W2[1] · X[0]
    right:    W1[0, 1] += 0.002 · (y−ŷ) · W2[1] · A1[1] · (1−A1[1]) · X[0]

Both formulas are products. The student's is read from a symbolic run of the code and verified on
fresh numbers (`gradkit.diagnosis.rules.recover`); the right one is known. So the comparison needs
no search and no proof of its own:

1. `compare` divides both products into parts (error, weight, derivative, input, learning rate) and
   looks up the name of each difference. A difference is a `Change`: factors too many, factors
   missing, and a ratio. If all changes of an entry are undone, the right formula must be left.
2. `constants` explains the ratios that are left, for all entries together, by signs, factors and
   learning rates.
3. `explain` chooses one reading for each entry such that few different mistakes explain all.
4. `lines` finds the statement of each change: the first operation whose value is wrong before the
   change is undone and a part of the right product after it.
"""

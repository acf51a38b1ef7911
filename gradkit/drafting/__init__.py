"""Draft an assignment file from a handout: its signatures, docstrings and a model solution.

`handout` reads the text, `guess` proposes inputs, `trial` runs the functions in the sandbox,
`search` finds inputs with which they run, `gaps` finds mistakes that no check detects, and `write`
writes the files.
"""

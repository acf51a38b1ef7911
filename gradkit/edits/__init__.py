"""Change the text of a function by the rows of one table.

A change is a reference: a place in the text, a row of the table, and operands by number. The
search process sends references, and the grader applies them to its own copy of the text. Nothing
here runs code or needs numpy.
"""

"""Find the smallest change of the student's own text that makes it right.

It runs where the student's code runs, and knows what is right at throwaway inputs only: what it
finds is a proposal, which the grader's side holds to other inputs. See `search` for how it goes.
"""

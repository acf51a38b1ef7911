"""A class: many submissions, graded side by side into one folder that nothing gets lost from.

    gather → workers (each a trusted parent with its own workers) → store → summary, remark

The store is one SQLite file, written in transactions and only ever added to.
"""

"""Grade the submissions of a class in parallel, and keep all results in one folder.

    gather → workers (each a trusted parent with sandboxed workers) → store → summary, remark

The store is one SQLite file. It is written in transactions, and rows are only ever added to it.
"""

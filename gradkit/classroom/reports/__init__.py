"""Summarise a class, list results to review, explain grades, and remove students."""

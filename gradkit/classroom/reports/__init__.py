"""Summarise, review and explain a class, and remove a student from it."""

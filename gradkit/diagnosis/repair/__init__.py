"""Diagnose by the smallest change of the student's own text that makes it right.

The student's process searches (`gradkit.runtime.repair`); here it is asked, at throwaway inputs,
and what it proposes is held to others before anything is told.
"""

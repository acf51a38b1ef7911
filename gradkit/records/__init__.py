"""Frozen records that one stage of grading passes to the next, without methods that compute.

The modules import nothing of gradkit but other records, so that the grader and the student's
process can share records without importing each other.
"""

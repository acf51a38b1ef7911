"""Write what a student starts from, and an assignment of one's own, from an assignment.

`student_template/` is what comes out for gradkit's own assignment.
"""

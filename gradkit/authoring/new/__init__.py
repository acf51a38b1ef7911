"""Write starter files for students, and folders for instructors' own assignments.

`student_template/` contains the starter files of gradkit's default assignment.
"""

"""Pages for a browser: one for a student, one for a class.

Each is a single file that asks nobody for anything. A student's page is made from the documented
data of a result, already cut to the hint level, so that it cannot hold more than that.
"""

from gradkit.report.html.class_page import Row, TaskRow, class_page, to_row
from gradkit.report.html.student_page import student_page

__all__ = ["Row", "TaskRow", "class_page", "student_page", "to_row"]

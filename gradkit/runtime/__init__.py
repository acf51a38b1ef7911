"""Code that runs in the student's process, and the frames that it exchanges with the grader."""

"""Match submissions with the students of a course."""

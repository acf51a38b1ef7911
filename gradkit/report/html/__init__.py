"""Pages for a browser: one for a student, one for a class."""

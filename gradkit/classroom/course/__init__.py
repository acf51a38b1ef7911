"""Who is in a course, and whose each submission is."""

"""Public assignments: what is asked, as data. Model solutions are not here."""

"""Give pages and marks back to students and platforms."""

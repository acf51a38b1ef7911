"""Say which mistake the code makes, on which line, and prove it."""

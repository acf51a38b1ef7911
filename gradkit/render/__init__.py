"""Results in, bytes out. Nothing is computed here."""

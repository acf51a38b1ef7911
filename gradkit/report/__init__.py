"""Results in, bytes out. Nothing is computed here but how points are rounded to be shown."""

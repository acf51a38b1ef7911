"""Find the mistakes behind failed checks, and the line of each."""

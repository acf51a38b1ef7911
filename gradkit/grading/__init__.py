"""Grade one submission, from its path to its marks."""

"""The class file: what is stored of a class, what of it counts, and whose word stands."""

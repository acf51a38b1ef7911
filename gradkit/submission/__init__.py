"""Read submissions: files, archives and notebooks are divided into sections, without running."""

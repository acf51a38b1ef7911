"""What goes back to students and platforms: pages, marks, and the files that they lie in."""

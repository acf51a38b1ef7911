"""Read what was handed in: paths, archives and notebooks become sections. Nothing is run."""

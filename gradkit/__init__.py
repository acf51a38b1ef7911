"""gradkit grades hand-written backpropagation."""

__version__ = "0.1.0"

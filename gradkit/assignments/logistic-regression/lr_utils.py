"""What the course hands out beside the exercise: its pictures, of which none is needed here."""

import numpy as np


def load_dataset():
    """Return training pictures and labels, test pictures and labels, and names of the classes."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, size=(6, 4, 4, 3))
    labels = np.array([[0, 1, 0, 1, 1, 0]])
    classes = np.array([b"other", b"cat"])
    return pictures[:4], labels[:, :4], pictures[4:], labels[:, 4:], classes

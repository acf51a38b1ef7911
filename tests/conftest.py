"""For all tests: pytest's own tool for testing plugins, and English."""

import os

pytest_plugins = ["pytester"]

# What tests expect to read is written in English, whatever their reader prefers.
os.environ.pop("GRADKIT_LANGUAGE", None)

"""The student limb: files, functions and what they answered. It holds no answers."""

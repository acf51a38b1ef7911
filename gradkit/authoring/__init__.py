"""Create exercises, audit them, and export them for a platform."""

"""For whoever sets an exercise: start one, audit it, pack it for a platform."""

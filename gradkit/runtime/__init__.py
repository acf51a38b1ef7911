"""What runs inside the student's process, and the frames that cross to it."""

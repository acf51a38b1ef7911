"""The truth limb: what is right. It works on arrays and never touches a student's file."""

"""An assignment packed for a platform: files in memory, then a folder or a zip archive."""

"""Data of one's own: files that a person brings, what is found in them, and how they become samples."""

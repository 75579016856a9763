"""What a network does with samples of one's own, and what it goes by: nearest samples, importance of columns."""

"""What the pages are made of. Pages only lay these parts out."""

"""One's own data that are large: preparing, reading, memory. Each benchmark builds its files in a temporary folder."""

"""The open document: its session, its history, opening and saving."""

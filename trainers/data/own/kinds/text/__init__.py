"""Texts: files in folders as classes, a table with a text and a label, or one text for language models."""

"""Looks at a table and guesses what each column is and what it is for, with a reason for every guess."""

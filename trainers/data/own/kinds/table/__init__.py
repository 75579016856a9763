"""Tables: rows of numbers, categories, dates and answers, one of whose columns is predicted."""

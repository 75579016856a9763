"""Series: a table in time, whose next steps are forecast."""

"""The parts of the Data page. `sections/` draws what was found, a file for each kind of section; `ways/` adds data."""

"""The views of a report's sections: one class for each subclass of Section, found by itself."""

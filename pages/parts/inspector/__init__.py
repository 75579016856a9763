"""The inspector: parameters and shapes of what is selected."""

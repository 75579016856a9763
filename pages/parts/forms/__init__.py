"""Forms for layers, data sets, optimizers and every other registry entry."""

"""Transfer learning: training that starts from weights of another training."""

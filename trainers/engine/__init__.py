"""The training engine: the loop, the thread that a run trains in, checkpoints."""

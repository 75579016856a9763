"""Training against the same work written by hand: a step, a whole run, memory, and the first points of curves."""

"""What follows from a document without running it: execution order, shapes, parameters, FLOPs, memory."""

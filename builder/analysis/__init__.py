"""What follows from a document without running it: the order of its nodes, shapes, parameters, FLOPs, memory."""

"""The Train page: controls, curves, activations, gradients."""

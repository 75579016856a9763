"""Language models: next-token and masked-token prediction, and text generation."""

"""Views of the paradigm autoencoder."""

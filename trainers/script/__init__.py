"""train.py: the training of a document as a plain PyTorch script."""

"""What autoencoders need: where the code is, how they learn, what they make of samples."""

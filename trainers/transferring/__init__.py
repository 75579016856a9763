"""What transfer learning needs: weights to start from, what of them fits, what is frozen, and for how long."""

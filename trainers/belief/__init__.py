"""What Bayesian learning needs: several answers of one network, and what they say of how sure it can be."""

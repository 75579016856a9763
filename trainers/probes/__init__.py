"""Probes: measure activations, gradients and weights inside the network during one step. One file per kind.

A probe is a context manager around one step of the learner. It registers hooks on entry and removes them on exit.
"""

from trainers.probes.clock import ProbeClock

__all__ = ["ProbeClock"]

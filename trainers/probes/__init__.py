"""Probes: what happens inside the network in one step, measured on a clock. One file per kind.

A probe is a context manager around one step of the learner: hooks are set on entry and always removed on exit.
"""

from trainers.probes.clock import ProbeClock

__all__ = ["ProbeClock"]

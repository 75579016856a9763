"""Checks that need the data set or the job, beside the numbered checks of the document in builder/checks.

Each is one class in a file of this folder, or in the file or the checks.py of a paradigm, found by itself.
"""

from trainers.checks.base import JobCheck, job_checks, problems_of

__all__ = ["JobCheck", "job_checks", "problems_of"]

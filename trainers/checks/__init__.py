"""Checks that need the data set or the job; those that need only the document are in builder/checks.

Each is one class in a file of this folder, or in the file or the checks.py of a paradigm, found automatically. Its
docstring is printed in docs/checks.md.
"""

from trainers.checks.base import JobCheck, job_checks, problems_of

__all__ = ["JobCheck", "job_checks", "problems_of"]

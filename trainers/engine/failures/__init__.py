"""What went wrong in a run, in words: where, why, and what to do."""

from trainers.engine.failures.explanation import explain as explain
from trainers.engine.failures.out_of_memory import free_memory as free_memory
from trainers.engine.failures.replay import find_origin as find_origin

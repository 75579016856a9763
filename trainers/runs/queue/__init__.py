"""Runs that wait for a process to train them, the processes that do, and who starts those.

The queue is in the store, so it outlives every process. `waiting.py` is the queue. `process.py` is a worker process: it
trains one run after the other until none waits. `supervisor.py` starts worker processes, and puts the run of one that
died back into the queue. `beginning.py` decides where a run trains that is started or resumed.
"""

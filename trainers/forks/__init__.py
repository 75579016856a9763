"""Runs that begin with the weights of another one: more epochs, or another network, job or data set.

`forking.py` creates such a run. `source.py` keeps in its folder what it begins with, so that the other run may be
deleted. `weights.py` puts it into the loop before the first step. `differences.py` says how two documents differ.
"""

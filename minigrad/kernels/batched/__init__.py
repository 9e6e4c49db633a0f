"""Arrays with a hidden leading axis, one place a sample: what a tensor holds under vmap.

`array.py` has the array itself, `routines.py` the whole-array kernels for it, and `levels.py` knows
which calls of vmap are running.
"""

"""Kernels for the CPU: arrays of NumPy in, new ones out."""

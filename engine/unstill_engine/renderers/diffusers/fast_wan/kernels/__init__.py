"""Triton kernels of the fast forward and decoder, a file an operation, each kernel beside its launcher."""

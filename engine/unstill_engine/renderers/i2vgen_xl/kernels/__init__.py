"""Triton kernels of the fast forward, a file an operation, each kernel beside its launcher.

Pictures are (N, H, W, C), rows (N*H*W, C). Sums are (N, S, 2, C) fp32: for each of S parts of a picture and each
channel the sum and the sum of squares. All arithmetic is fp32; products take their inputs as they are.
"""

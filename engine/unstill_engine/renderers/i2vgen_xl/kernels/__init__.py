"""Triton kernels of the fast forward, a file an operation, each kernel beside its launcher.

Pictures are (N, H, W, C), rows (N*H*W, C). Sums are (N, S, 2, C) fp32: for each of S parts of a picture and each
channel the sum and the sum of squares. Arithmetic is fp32; products take their inputs as they are, but for those of
Winograd's convolution, which are in half precision. No sum is made by atomic additions, whose order is another each
time: the same inputs give the same bits.
"""

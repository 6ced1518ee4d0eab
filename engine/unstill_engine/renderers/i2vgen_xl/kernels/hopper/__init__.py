"""Kernels for compute capability 9.0, in Gluon: one warp loads tiles by TMA, two groups of four warps multiply them.

They are in bfloat16, sums in fp32. Loads and products meet by barriers in shared memory: `loaded` is completed by TMA,
`free` by whoever multiplied. Each use completes a phase, and a waiter names the parity of the one that it awaits: of
use k of a buffer k & 1, and who waits for a buffer to be free names (k & 1) ^ 1, which lets the first use pass.
"""

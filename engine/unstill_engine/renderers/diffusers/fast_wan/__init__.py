"""Wan's transformer and decoder in fewer passes over memory, equal to diffusers' own but for rounding.

Rows are (B*N, D), N the tokens of one clip; a group is the tokens of one latent frame, which share their modulation.
Videos are (1, C, T, H, W) in torch.channels_last_3d.
"""

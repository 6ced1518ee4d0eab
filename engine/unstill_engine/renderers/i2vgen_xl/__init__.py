"""I2VGen-XL (https://arxiv.org/abs/2311.04145): a photo and words to a clip."""

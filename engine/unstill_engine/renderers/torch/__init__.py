"""What any model on PyTorch needs, whichever model it is; no module here imports a model's folder."""

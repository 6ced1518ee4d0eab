"""Serves any maintained image-to-video pipeline of diffusers, by a model's `pipeline` table in models.toml."""

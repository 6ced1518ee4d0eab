"""A camera that moves over a still picture: no model, no GPU."""

from unstill_engine.renderers.camera.renderer import Camera

__all__ = ["Camera"]

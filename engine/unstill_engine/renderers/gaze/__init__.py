"""Where somebody looks in a picture. It decides what a crop keeps, where a zoom goes and what stays in the frame."""

from unstill_engine.renderers.gaze.looking import LOOK_BYTES, look
from unstill_engine.renderers.gaze.regions import Gaze, Kind, Region

__all__ = ["LOOK_BYTES", "Gaze", "Kind", "Region", "look"]

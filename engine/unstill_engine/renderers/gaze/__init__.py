"""Where somebody looks in a picture. It decides what a crop keeps, where a zoom goes and what stays in the frame."""

from unstill_engine.renderers.gaze.looking import look
from unstill_engine.renderers.gaze.regions import Gaze, Kind, Region

__all__ = ["Gaze", "Kind", "Region", "look"]

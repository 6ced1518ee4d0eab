"""The patience of whoever waits on a double."""

PATIENCE = 180.0
"""Seconds that a test waits for what a loaded machine does late. Only what never happens takes as long."""

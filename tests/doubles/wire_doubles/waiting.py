"""How long whoever waits on a double is patient."""

PATIENCE = 180.0
"""Seconds that a test waits for what a loaded machine does late. Only what never happens takes as long."""

"""Copies all that is owed into one file, and restores it on another server."""

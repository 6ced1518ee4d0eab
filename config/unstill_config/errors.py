"""What is wrong with the settings or the catalogues."""

from __future__ import annotations


class ConfigError(Exception):
    """One plain line: which setting or entry, its value, and what is allowed."""

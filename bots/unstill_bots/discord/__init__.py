"""Unstill on Discord."""

"""Unstill on Telegram."""

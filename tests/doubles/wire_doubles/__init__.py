"""Doubles of chat platforms on the loopback, which speak the platforms' wire formats."""

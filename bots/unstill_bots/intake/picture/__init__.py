"""Decodes a picture that a person sent, in a process that can do nothing else; only `pictures` starts it."""

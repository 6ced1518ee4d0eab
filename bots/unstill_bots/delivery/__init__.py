"""From an outcome to a chat's one message."""

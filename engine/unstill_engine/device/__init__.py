"""The child process that owns the device, and how its parent holds it."""

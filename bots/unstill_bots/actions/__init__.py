"""What people do besides asking for a clip: presses, variations, their own jobs, settings."""

"""The values that bots and engines share."""

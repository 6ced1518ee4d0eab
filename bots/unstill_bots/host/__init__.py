"""What runs a front end: one leader a platform, its health, its background tasks."""

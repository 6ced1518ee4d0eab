"""A copy of all that is owed, in one file, and its way onto another server."""

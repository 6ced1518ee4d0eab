"""The engine's parent process: takes jobs and files their outcomes."""

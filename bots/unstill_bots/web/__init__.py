"""The page and the API: a browser, or a program, as a chat."""

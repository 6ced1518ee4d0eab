"""The connection to the server, a server of our own, and arq."""

"""The local model and its server."""

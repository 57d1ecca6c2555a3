"""The protocols that model providers speak over HTTP: pure functions, one dialect a file."""

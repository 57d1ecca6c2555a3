"""Model calls that a pipeline's own clients make, seen at the transports of HTTP clients."""

"""From a request to a completion: the seam, providers, and the wrappers around them."""

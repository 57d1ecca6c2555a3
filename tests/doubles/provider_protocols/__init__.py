"""The protocols that the provider's double speaks: what they ask, and how they answer."""

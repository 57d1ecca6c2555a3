"""Our engine: requests to providers that the table knows, over one pooled client a loop."""

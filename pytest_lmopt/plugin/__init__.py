"""The pytest plugin: options, marks, fixtures and hooks that delegate to the core."""

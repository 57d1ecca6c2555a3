"""Where a session keeps what its processes share: one interface, and SQLite behind it."""

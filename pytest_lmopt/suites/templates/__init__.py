"""Templates that somebody else may have written: rendered in a sandbox, within bounds."""

"""Two evaluations → comparison → verdict → gate."""

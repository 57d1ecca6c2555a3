"""Recorded answers: kept, replayed, written to files to commit."""

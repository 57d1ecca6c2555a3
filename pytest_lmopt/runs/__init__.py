"""Candidate × examples → runs: what the pipeline returned, and what it called."""

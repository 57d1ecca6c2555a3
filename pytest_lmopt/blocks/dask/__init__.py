"""Blocks on a Dask cluster: a leader here grants allowances, workers there run the same test."""

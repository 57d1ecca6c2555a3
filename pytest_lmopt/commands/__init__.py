"""``python -m pytest_lmopt``: what can be done with runs that are over."""

"""Exchanges with providers, as data: what is asked, what is answered, and what to read there."""

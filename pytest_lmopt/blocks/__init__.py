"""Evaluations cut into blocks: who runs them, and where what came of them is kept."""

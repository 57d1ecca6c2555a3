"""The HTML report: one file that asks for nothing else, and runs nothing but its own script."""

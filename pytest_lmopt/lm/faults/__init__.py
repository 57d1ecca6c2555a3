"""What providers do wrong, and what is done about it."""

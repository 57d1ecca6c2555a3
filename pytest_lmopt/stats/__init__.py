"""Numbers in, numbers out: the procedures of paired comparison. Imports nothing of ours."""

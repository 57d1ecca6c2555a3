"""What strategies need that have a model write proposals: evidence, meta-prompts, reading."""

"""The code of a pipeline or metric, read from its source and never run."""

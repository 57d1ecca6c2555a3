"""Calls that pipelines make on litellm themselves, past ``Prompt``."""

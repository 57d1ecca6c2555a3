"""Pipelines as users write them: a client's own code, which knows nothing of the plugin.

Each module has ``run(row)``, which asks at least twice and returns the last answer. One with
``prepare()`` gets what that returned as the second argument.
"""

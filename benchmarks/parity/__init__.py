"""Our search against DSPy's optimizers, on simulated tasks whose true scores are known.

``tasks`` and ``world`` are the tasks and the model that answers them, ``proposer`` the same model
asked for instructions, ``server`` the HTTP around both. ``peers`` runs DSPy (in an environment of
its own), ``ours`` the search of this package, ``table`` compares what both wrote down.
"""

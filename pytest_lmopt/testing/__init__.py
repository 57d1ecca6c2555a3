"""For those who write strategies: the contract every strategy keeps, and a model to test on."""

from pytest_lmopt.testing.optimizers import OptimizerConformance
from pytest_lmopt.testing.simulated_model import SimulatedModel

__all__ = ["OptimizerConformance", "SimulatedModel"]

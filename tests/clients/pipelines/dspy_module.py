"""DSPy: a module of two predictors, through litellm."""

import os

import dspy

from pipelines.transcript import note

dspy.configure(
    lm=dspy.LM(
        "openai/gpt-4o-mini",
        api_base=os.environ["OPENAI_BASE_URL"],
        api_key=os.environ["OPENAI_API_KEY"],
        cache=False,
        num_retries=3,
    )
)


class Twice(dspy.Module):
    """Ask, then ask about the answer."""

    def __init__(self):
        super().__init__()
        self.ask = dspy.Predict("question -> answer")
        self.check = dspy.Predict("claim -> verdict")

    def forward(self, question):
        """Ask, then ask about the answer."""
        return self.check(claim=self.ask(question=question).answer)


twice = Twice()


def run(row):
    """Have the module answer."""
    told = twice(question=f"Is the number of {row} odd?")
    note(row, type(told).__qualname__, told.verdict)
    return told.verdict

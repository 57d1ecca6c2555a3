"""litellm: ``Router``."""

import os

from litellm import Router

from pipelines.transcript import note

router = Router(
    model_list=[
        {
            "model_name": "small",
            "litellm_params": {
                "model": "openai/gpt-4o-mini",
                "api_base": os.environ["OPENAI_BASE_URL"],
            },
        }
    ],
    num_retries=3,
    retry_after=0,
    disable_cooldowns=True,
)


def ask(row, text):
    """Ask one question."""
    response = router.completion(model="small", messages=[{"role": "user", "content": text}])
    message = response.choices[0].message
    note(row, type(response).__qualname__, message.content, response.usage.total_tokens)
    return message.content


def run(row):
    """Ask, then ask about the answer."""
    return ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?')}")

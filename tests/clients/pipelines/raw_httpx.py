"""httpx alone: the protocol by hand, with the retry that a rate limit asks for."""

import os
import time

import httpx

from pipelines.transcript import note

client = httpx.Client(
    base_url=os.environ["OPENAI_BASE_URL"],
    headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
)


def ask(row, text):
    """Ask one question."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    for _ in range(3):
        response = client.post("/chat/completions", json=body)
        if response.status_code != 429:
            break
        time.sleep(float(response.headers["Retry-After"]))
    response.raise_for_status()
    note(row, type(response).__qualname__, response.status_code, response.json())
    return response.json()["choices"][0]["message"]["content"]


def run(row):
    """Ask, then ask about the answer."""
    return ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?')}")

"""OpenAI's client: an embedding finds the passage that a chat completion answers from."""

from openai import OpenAI

from pipelines.transcript import note

client = OpenAI()
PASSAGES = {"numbers": [1.0, -1.0] * 4, "letters": [-1.0, 1.0] * 4}


def run(row):
    """Embed the question, choose the closest passage, ask."""
    question = f"Is the number of {row} odd?"
    embedded = client.embeddings.create(model="text-embedding-3-small", input=question)
    note(row, embedded)
    numbers = embedded.data[0].embedding

    def closeness(name):
        return sum(a * b for a, b in zip(PASSAGES[name], numbers, strict=True))

    completion = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": f"Answer about {max(PASSAGES, key=closeness)}."},
            {"role": "user", "content": question},
        ],
    )
    note(row, completion)
    return completion.choices[0].message.content

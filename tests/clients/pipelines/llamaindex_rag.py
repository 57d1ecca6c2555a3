"""LlamaIndex: a question answered from an index, which is built once."""

import os

from llama_index.core import Document, VectorStoreIndex
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI

from pipelines.transcript import note


def prepare():
    """Build the index: its passages are embedded here, before any question."""
    base = os.environ["OPENAI_BASE_URL"]
    passages = [Document(text=f"Passage {n} says that numbers are odd or even.") for n in range(6)]
    index = VectorStoreIndex.from_documents(
        passages, embed_model=OpenAIEmbedding(model="text-embedding-3-small", api_base=base)
    )
    return index.as_query_engine(llm=OpenAI(model="gpt-4o-mini", api_base=base), similarity_top_k=2)


def run(row, engine):
    """Embed the question, and answer from what is closest."""
    response = engine.query(f"Is the number of {row} odd?")
    note(row, type(response).__qualname__, str(response), [n.text for n in response.source_nodes])
    return str(response)

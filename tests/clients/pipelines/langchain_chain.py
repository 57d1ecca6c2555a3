"""LangChain: a chain of two prompts."""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from pipelines.transcript import note

model = ChatOpenAI(model="gpt-4o-mini", temperature=0)
ask = ChatPromptTemplate.from_template("Is the number of {row} odd?") | model
check = ChatPromptTemplate.from_template("Check this again: {first}") | model | StrOutputParser()


def run(row):
    """Ask, then ask about the answer."""
    first = ask.invoke({"row": row})
    note(row, type(first).__qualname__, first.content, first.usage_metadata)
    last = check.invoke({"first": first.content})
    note(row, last)
    return last

"""What proposers may read of a pipeline's code: all of it but the dataset."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_lmopt.suites.code.source import pipeline_source

Read = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """The source shown of ``tested`` in ``sourced/tests.py``, beside further modules, by name."""
    monkeypatch.syspath_prepend(tmp_path)

    def read(tests: str, name: str = "tested", **modules: str) -> str:
        package = tmp_path / "sourced"
        package.mkdir()
        for module, text in {"__init__": "", "tests": tests, **modules}.items():
            (package / f"{module}.py").write_text(text)
            name_in_full = "sourced" if module == "__init__" else f"sourced.{module}"
            monkeypatch.delitem(sys.modules, name_in_full, raising=False)
        importlib.invalidate_caches()
        module_under_test = importlib.import_module("sourced.tests")
        found = module_under_test
        for part in name.split("."):
            found = getattr(found, part)
        return pipeline_source(found, tmp_path)  # type: ignore[arg-type]  # a function by then

    return read


def test_the_code_and_what_it_calls_are_shown_nearest_first(read: Read) -> None:
    """Comments and documentation strings, too; not what is not called."""
    shown = read(
        "from sourced.steps import first\n"
        "def other(x):\n    return x\n"
        "def tested(x):\n    '''Tells.'''\n    return first(x)  # why\n",
        steps="def second(x):\n    return x\n\nasync def first(x):\n    return second(x)\n",
    )
    assert shown == (
        "def tested(x):\n    '''Tells.'''\n    return first(x)  # why\n\n"
        "async def first(x):\n    return second(x)\n\n"
        "def second(x):\n    return x"
    )


def test_decorators_are_left_out_wherever_they_stand(read: Read) -> None:
    """A mark may hold all rows, those of holdout included."""
    marked = (
        "from functools import wraps\n"
        "def mark(**rows):\n"
        "    def wrap(function):\n"
        "        @wraps(function)\n"
        "        def inner(x):\n"
        "            return function(x)\n"
        "        return inner\n"
        "    return wrap\n"
        "class Steps:\n"
        "    @mark(\n"
        "        dataset=['SECRET'],\n"
        "    )\n"
        "    @staticmethod\n"
        "    # about first\n"
        "    def first(x):\n"
        "        return x\n"
        "@(\n"
        "    mark(dataset=['SECRET'])\n"
        ")\n"
        "@mark(dataset=[\n"
        "'SECRET',\n"
        "])\n"
        "def tested(x):\n"
        "    return Steps.first(x)\n"
    )
    assert read(marked) == (
        "def tested(x):\n    return Steps.first(x)\n\n"
        "class Steps:\n    def first(x):\n        return x"
    )


def test_a_method_is_shown_without_its_mark_whatever_its_texts_look_like(read: Read) -> None:
    """Lines of a text may begin where the method itself does not."""
    tests = (
        "def mark(rows):\n    return lambda function: function\n"
        "class Tests:\n"
        "    @mark(rows=['SECRET'])\n"
        "    def tested(self):\n"
        "        return '''a\n"
        "b'''\n"
    )
    assert read(tests, "Tests.tested") == "    def tested(self):\n        return '''a\nb'''"


@pytest.mark.parametrize(
    "row",
    [
        "{'id': 'a', 'inputs': {'word': 'x'}, 'expected': 'SECRET'}",
        "Example(id='a', inputs={'word': 'x'}, expected='SECRET')",
        "dict(inputs={'word': 'x'}, expected='SECRET')",
    ],
)
def test_statements_that_hold_rows_are_left_out(row: str, read: Read) -> None:
    """Of a class or function that is shown for something else in it."""
    tests = (
        "from pytest_lmopt import Example\n"
        "class Steps:\n"
        "    ROWS = [\n"
        f"        {row},\n"
        f"        {row},\n"
        "    ]\n"
        "    size = 3\n"
        "    @staticmethod\n"
        "    def first(x):\n"
        f"        for each in [{row}]:\n"
        "            print(each)\n"
        "        return x\n"
        f"def helper(x, rows=({row},)):\n"
        "    return x\n"
        "def tested(x):\n"
        "    return helper(Steps.first(x))\n"
    )
    assert read(tests) == (
        "def tested(x):\n    return helper(Steps.first(x))\n\n"
        "...\n\n"
        "class Steps:\n    ...\n    size = 3\n    def first(x):\n        ...\n        return x"
    )


def test_other_data_of_a_pipeline_are_shown(read: Read) -> None:
    """Messages and requests are lists of mappings, too."""
    code = (
        "def tested(x):\n"
        "    said = [{'role': 'user', 'content': x}]\n"
        "    return said, {'inputs': x}, dict(inputs=x)"
    )
    assert read(code) == code


def test_of_a_module_only_what_is_named_is_shown(read: Read) -> None:
    """It may hold the rows, or much else; modules within modules are looked through."""
    shown = read(
        "import sourced.data\nimport sourced.steps\n"
        "def tested(x):\n    return sourced.steps.first(x), sourced.data.ROWS[0]\n",
        data="ROWS = ['SECRET']\n",
        steps="import sourced\nOTHER = 'SECRET'\ndef first(x):\n    return x\n",
    )
    assert shown == (
        "def tested(x):\n    return sourced.steps.first(x), sourced.data.ROWS[0]\n\n"
        "def first(x):\n    return x"
    )


def test_a_lambda_is_shown_if_its_line_can_be_read_alone(read: Read) -> None:
    """Within a call its line may hold anything."""
    shown = read(
        "def both(*given):\n    return given[0]\n"
        "low = lambda x: x.lower()\n"
        "high = both(\n    lambda x: x.upper(), ['SECRET'])\n"
        "def tested(x):\n    return low(high(x))\n"
    )
    assert shown == ("def tested(x):\n    return low(high(x))\n\nlow = lambda x: x.lower()")

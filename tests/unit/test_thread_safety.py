"""Code that changes what a process shares is found by reading it, by whatever name it is known."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pytest_lmopt.suites.code.thread_safety import FOLDER, unsafe_uses

HEAD = """\
import contextlib, functools, io, locale, logging, os, random, sys, threading, time, unittest
import warnings
import unittest.mock
import os as system
from contextlib import redirect_stdout as captured
from os import chdir, environ
from unittest import mock
from unittest.mock import patch as fake
import pytest

MODE = ""

class Shared:
    mode = ""
"""
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Makes a module of the project from some code."""
    names: list[str] = []

    def load(code: str) -> ModuleType:
        path = tmp_path / f"unsafe_{len(names)}_{tmp_path.name.rpartition('_')[2]}.py"
        path.write_text(HEAD + code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        names.append(path.stem)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in names:
        del sys.modules[name]


UNSAFE = {
    "os.chdir('/')": "os.chdir",
    "chdir('/')": "os.chdir",
    "system.chdir('/')": "os.chdir",
    "from os import chdir as go; go('/')": "os.chdir",
    "import os.path; os.chdir('/')": "os.chdir",
    "with contextlib.chdir('/'): pass": "contextlib.chdir",
    "os.environ['X'] = '1'": "os.environ",
    "environ['X'] = '1'": "os.environ",
    "os.environ |= {}": "os.environ",
    "del os.environ['X']": "os.environ",
    "os.environ.update(X='1')": "os.environ.update",
    "environ.setdefault('X', '1')": "os.environ.setdefault",
    "os.environ.pop('X')": "os.environ.pop",
    "os.putenv('X', '1')": "os.putenv",
    "os.umask(0)": "os.umask",
    "time.tzset()": "time.tzset",
    "locale.setlocale(locale.LC_ALL, 'C')": "locale.setlocale",
    "random.seed(1)": "random.seed",
    "with captured(io.StringIO()): pass": "contextlib.redirect_stdout",
    "with contextlib.redirect_stderr(io.StringIO()): pass": "contextlib.redirect_stderr",
    "sys.stdout = io.StringIO()": "sys.stdout",
    "sys.argv[1:] = []": "sys.argv",
    "with warnings.catch_warnings(): pass": "warnings.catch_warnings",
    "with pytest.warns(UserWarning): pass": "pytest.warns",
    "with pytest.MonkeyPatch.context() as patch: pass": "pytest.MonkeyPatch",
    "with mock.patch('os.getcwd'): pass": "unittest.mock.patch",
    "with mock.patch.object(os, 'getcwd'): pass": "unittest.mock.patch.object",
    "with mock.patch.dict(os.environ): pass": "unittest.mock.patch.dict",
    "with unittest.mock.patch.multiple(os): pass": "unittest.mock.patch.multiple",
    "with fake('os.getcwd'): pass": "unittest.mock.patch",
    "from unittest.mock import patch as p; p('os.getcwd').start()": "unittest.mock.patch",
    "from freezegun import freeze_time as f; f('2020-01-01').start()": "freezegun.freeze_time",
    "time.sleep = print": "time.sleep = ...",
    "Shared.mode = '1'": "Shared.mode = ...",
    "setattr(time, 'sleep', print)": "setattr of time",
    "logging.getLogger().addHandler(logging.NullHandler())": "addHandler",
    "logging.disable()": "logging.disable",
    "unittest.TestCase().assertLogs()": "assertLogs",
    "(lambda: os.chdir('/'))()": "os.chdir",
    "global MODE; MODE = example": "global MODE = ...",
    "global MODE; MODE, other = example": "global MODE = ...",
}


@pytest.mark.parametrize("asynchronous", ["", "async "])
@pytest.mark.parametrize(("body", "found"), UNSAFE.items(), ids=UNSAFE)
def test_what_is_unsafe_is_found(load: Load, body: str, found: str, asynchronous: str) -> None:
    """With its own name, and the function's."""
    module = load(f"{asynchronous}def pipeline(example):\n    {body}\n")
    uses = unsafe_uses([module.pipeline], Path(module.__file__ or "").parent)
    assert any(use.endswith(f"{found} in pipeline") for use in uses), uses


SAFE = [
    "os.getcwd(); os.environ['X']; environ.get('X'); dict(os.environ)",
    "random.Random(1).random(); sys.stdout.write('')",
    "mock.MagicMock(); mock.call(1)",
    "local = threading.local(); local.mode = 1",
    "time = example; time.sleep = 1",
    "example.mode = 1; example['x'] = 1",
    "logging.getLogger().warning('x')",
    "os.path.join('a', 'chdir'); 'os.chdir'",
    "global MODE\n    if not MODE: MODE = 'set once'",
    "global MODE\n    try: return MODE.x\n    except AttributeError: MODE = 'set once'",
    "global MODE; MODE += 'x'; MODE = max(MODE, 'x')",
    "global MODE; return MODE",
]


@pytest.mark.parametrize("body", SAFE)
def test_what_is_safe_is_left_alone(load: Load, body: str) -> None:
    """Reading, objects of one's own, and words that only look like it."""
    module = load(f"def pipeline(example):\n    {body}\n")
    assert unsafe_uses([module.pipeline], Path(module.__file__ or "").parent) == ()


REACHED = {
    "a function that it calls": "def inner(): os.chdir('/')\ndef pipeline(example): inner()",
    "one behind another": (
        "def inner(): os.chdir('/')\ndef outer(): inner()\ndef pipeline(example): outer()"
    ),
    "a nested function": "def pipeline(example):\n    def inner(): os.chdir('/')\n    inner()",
    "a context manager": (
        "@contextlib.contextmanager\ndef inner():\n    os.chdir('/')\n    yield\n"
        "def pipeline(example):\n    with inner(): pass"
    ),
    "a decorator of the project": (
        "def inner(function):\n    @functools.wraps(function)\n    def wrapper(*a):\n"
        "        os.chdir('/')\n        return function(*a)\n    return wrapper\n"
        "@inner\ndef pipeline(example): pass"
    ),
    "a context manager as decorator": (
        "@contextlib.contextmanager\ndef inner():\n    os.chdir('/')\n    yield\n"
        "@inner()\ndef pipeline(example): pass"
    ),
    "a method": (
        "class Tool:\n    def inner(self): os.chdir('/')\ndef pipeline(example): Tool().inner()"
    ),
    "a method behind another": (
        "class Tool:\n    def outer(self): self.inner()\n    def inner(self): os.chdir('/')\n"
        "def pipeline(example): Tool().outer()"
    ),
    "an inherited method": (
        "class Base:\n    def inner(self): os.chdir('/')\nclass Tool(Base): pass\n"
        "def pipeline(example): Tool().inner()"
    ),
    "a property": (
        "class Tool:\n    @property\n    def inner(self): os.chdir('/')\n"
        "def pipeline(example): Tool().inner"
    ),
    "a constructor": (
        "class Tool:\n    def __init__(self): os.chdir('/')\ndef pipeline(example): Tool()"
    ),
    "an object": (
        "class Tool:\n    def inner(self): os.chdir('/')\ntool = Tool()\n"
        "def pipeline(example): tool.inner()"
    ),
    "a callable object": (
        "class Tool:\n    def __call__(self, *_): os.chdir('/')\npipeline = Tool()"
    ),
    "a bound method": (
        "class Tool:\n    def inner(self, _): os.chdir('/')\npipeline = Tool().inner"
    ),
    "a partial": ("def inner(a, b): os.chdir('/')\npipeline = functools.partial(inner, 1)"),
    "a closure": (
        "def outer():\n    def inner(): os.chdir('/')\n"
        "    return lambda example: inner()\npipeline = outer()"
    ),
}


@pytest.mark.parametrize("code", REACHED.values(), ids=REACHED)
def test_it_is_found_wherever_the_pipeline_reaches(load: Load, code: str) -> None:
    """By what its code names, in the project."""
    module = load(code)
    (use,) = unsafe_uses([module.pipeline], Path(module.__file__ or "").parent)
    assert use.startswith("os.chdir in ")


def test_methods_that_are_not_called_do_not_count(load: Load) -> None:
    """A class is read as far as it is used."""
    module = load(
        "class Tool:\n    def used(self): pass\n    def unused(self): os.chdir('/')\n"
        "def pipeline(example): Tool().used()"
    )
    assert unsafe_uses([module.pipeline], Path(module.__file__ or "").parent) == ()


def test_what_is_installed_is_not_read(load: Load) -> None:
    """Only the project's own code is."""
    module = load("def pipeline(example): os.chdir('/')")
    assert unsafe_uses([module.pipeline], Path(__file__).parent) == ()


@pytest.mark.parametrize(
    "decorator",
    ["fake('os.getcwd')", "mock.patch.object(os, 'getcwd')", "mock.patch.dict(environ)"],
)
@pytest.mark.parametrize("asynchronous", ["", "async "])
def test_decorators_that_patch_are_found(load: Load, decorator: str, asynchronous: str) -> None:
    """They are in force while the function runs."""
    module = load(f"@{decorator}\n{asynchronous}def pipeline(*args): pass")
    uses = unsafe_uses([module.pipeline], Path(module.__file__ or "").parent)
    assert uses == ("unittest.mock, which decorates pipeline",)


def test_some_patterns_can_be_looked_for_alone(load: Load) -> None:
    """Such as the folder, in what runs once."""
    module = load(
        "def pipeline(example):\n    random.seed(1)\n    os.environ['X'] = '1'\n    chdir('/')"
    )
    root = Path(module.__file__ or "").parent
    assert unsafe_uses([module.pipeline], root, patterns=FOLDER) == ("os.chdir in pipeline",)

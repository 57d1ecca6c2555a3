"""While suites run one sees how far they are, and afterwards no trace of it."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys

import pytest
from doubles.terminal import Terminal
from projects.shouting import Project

from pytest_lmopt.blocks.progress import Progress
from pytest_lmopt.plugin import losses, watching
from pytest_lmopt.plugin.options import read_options
from pytest_lmopt.plugin.screen import Screen
from pytest_lmopt.plugin.session import LmSession

SHOWN = "test_words.py::test_shout evaluation "
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")


WAITING = """\
import time
from pathlib import Path

GO = Path(__file__).with_name("go")


def one_step(word):
    print("said\\n", end="")
    left = 3000 if int(word.removeprefix("word")) >= 30 else 0
    while left and not GO.exists():
        time.sleep(0.01)
        left -= 1
    return "no"
"""


def _long(project: Project, *, arguments: str = "") -> None:
    """Write a suite of 60 examples without a model, that prints; and ordinary tests.

    Its examples from 30 on, which are in no first block, wait for ``_go_on``.
    """
    project.suite(arguments, examples=60)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace('{i}"}\n', '{i}", "split": "dev"}\n'))
    project.write("pipeline.py", WAITING)
    project.write("test_a.py", "def test_a():\n    pass\n")
    project.write(
        "test_z.py",
        "import pytest\n@pytest.mark.parametrize('n', range(80))\ndef test_n(n):\n    pass\n",
    )


def _go_on(project: Project) -> None:
    (project.path / "go").touch()


def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PERIOD_SECONDS", 0.0)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.001)


def test_a_short_run_in_a_log_tells_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line comes after half a minute."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.001)
    _long(project)
    _go_on(project)
    result = project.run("test_words.py")
    result.assert_outcomes(passed=1)
    assert SHOWN not in result.stdout.str()


def test_a_long_run_in_a_log_tells_how_far_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lines of their own, from time to time; what the test itself printed is as ever."""
    _often(monkeypatch)
    _long(project, arguments="threshold=0.5")
    lines = itertools.count(1)

    class Watched(Screen):
        """A screen whose second line lets the suite go on."""

        def tell(self, line: str) -> None:
            super().tell(line)
            if SHOWN in line and next(lines) == 2:
                _go_on(project)

    monkeypatch.setattr(watching, "Screen", Watched)
    result = project.run("test_a.py", "test_words.py")
    result.assert_outcomes(passed=1, failed=1)
    output = result.stdout.str()
    told = [line for line in result.outlines if SHOWN in line]
    assert len(told) >= 2
    assert all(re.fullmatch(rf"{SHOWN}\d+/\d+, .*\d+ s.*", line) for line in told)
    assert "\x1b" not in output
    captured = output[output.index("Captured stdout call") :]
    assert re.match(r"[^\n]*\n(said\n)+[^s\n]", captured)


def test_quiet_runs_tell_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do those without pytest's own terminal."""
    _often(monkeypatch)
    _long(project)
    _go_on(project)
    for options in (["-q"], ["-p", "no:terminal"]):
        result = project.run("test_words.py", *options)
        assert result.ret == 0
        assert SHOWN not in result.stdout.str()


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_terminal_shows_it_live_and_keeps_nothing_of_it(
    project: Project, options: tuple[str, ...]
) -> None:
    """Below what pytest writes, which stands there in the end as if there had been nothing."""
    _long(project, arguments="threshold=0.5")
    terminal = Terminal()

    def seen(written: str) -> bool:
        shown = re.findall(rf"{SHOWN}(\d+)/\d+", written)
        return len(shown) >= 2 and max(map(int, shown)) > 0

    def watch(process: subprocess.Popen[bytes], written: str) -> None:
        if seen(written):
            _go_on(project)

    status = terminal.run(
        [*PYTEST, "--lm-concurrency=100", *options],
        folder=project.path,
        watch=watch,
    )
    assert status == pytest.ExitCode.TESTS_FAILED
    assert seen(terminal.written)
    screen = "\n".join(terminal.screen)
    assert SHOWN not in screen
    assert screen.count("[100%]") == 1
    if options:
        dots = "".join(re.findall(r"^([.F]+)(?: .*)?$", screen, re.MULTILINE))
        assert (dots.count("."), dots.count("F")) == (81, 1)
    else:
        assert re.search(r"^test_a.py \. +\[ *\d+%\]$", screen, re.MULTILINE)
        assert re.search(r"^test_words.py F +\[ *\d+%\]$", screen, re.MULTILINE)
        assert re.search(r"^test_z.py \.{80}", screen, re.MULTILINE)
    assert re.search(r"Captured stdout call -*\n(said\n)+=", screen)


def test_ctrl_c_leaves_a_clean_terminal(project: Project) -> None:
    """Its report begins on a line of its own."""
    _long(project)
    terminal = Terminal()
    signals = [signal.SIGINT]

    def interrupt(process: subprocess.Popen[bytes], written: str) -> None:
        if SHOWN in written and signals:
            process.send_signal(signals.pop())
            _go_on(project)

    status = terminal.run([*PYTEST, "test_words.py"], folder=project.path, watch=interrupt)
    assert status == pytest.ExitCode.INTERRUPTED
    assert SHOWN not in "\n".join(terminal.screen)
    assert "test_words.py" in [line.rstrip() for line in terminal.screen]


@pytest.mark.parametrize(
    ("environment", "options", "live"),
    [
        ({}, (), True),
        ({"CI": "true"}, (), False),
        ({"TERM": "dumb"}, (), False),
        ({}, ("-s",), False),
    ],
)
def test_lines_are_drawn_where_they_can_be_erased(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    options: tuple[str, ...],
    live: bool,
) -> None:
    """Not in CI, on a dumb terminal, or where tests print as they like."""
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = pytester.parseconfigure(*options)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    monkeypatch.setattr(reporter, "isatty", lambda: True)
    display = watching.display(config)
    assert display is not None
    assert display.live is live


def test_a_lost_worker_tells_nothing_any_more(pytester: pytest.Pytester) -> None:
    """What it led is led by another, who tells of it."""
    config = pytester.parseconfigure()
    session = LmSession(config, read_options(config))
    board = session.stores.open_shared().board
    board.put("gw0", Progress(suite="s", began=1.0))
    losses.lose(session, "gw0")
    assert board.read() == []
    session.close()

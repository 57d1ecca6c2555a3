"""Files that are written whole, or not at all."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_lmopt.reports.whole_files import write_whole


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    """And nothing beside it."""

    def failing() -> Iterator[str]:
        yield "new"
        raise OSError("no space left")

    path = tmp_path / "report.md"
    path.write_text("old")
    with pytest.raises(OSError, match="no space"):
        write_whole(path, failing())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written."""
    real, link = tmp_path / "site" / "lm.html", tmp_path / "lm.html"
    real.parent.mkdir()
    real.write_text("old")
    link.symlink_to(real)
    write_whole(link, ["new"])
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_who_may_read_a_file_stays_as_it_was(tmp_path: Path) -> None:
    """A report of private data is no more open than the one before."""
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(0o600)
    write_whole(path, ["new"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """It is not put aside for a file, as nothing may be that others have open."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_whole(pipe, ["one", "two"])
    reader.join(60)
    assert read == ["onetwo"]
    assert pipe.is_fifo()


def test_what_the_process_has_open_is_written_to_from_where_it_stands(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As where the output goes to a file: nothing in it is lost."""
    os.write(1, b"before\n")
    write_whole(Path("/dev/stdout"), ["report\n"])
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "before\nreport\nafter\n"

"""Renew what README and documents show of a run: ``python docs/screenshots.py [--ask]``.

The tutorial's runs on the example are replayed: their text goes below ``<!-- shown: NAME -->``,
pictures of them to ``docs/pictures``. ``--ask`` has the packaged model answer anew first, for some
minutes: needed once the example's prompts or data, or how a search goes, have changed. Needs the
extra ``test``, and Chromium with its driver.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pictures
import shown

from pytest_lmopt.lm.recordings.answer import load_answer
from pytest_lmopt.lm.recordings.files import dump_record, read_records
from pytest_lmopt.wire import Message, Request


def renew() -> None:
    """Replay the story, and write it to pages and pictures."""
    with tempfile.TemporaryDirectory() as folder:
        shop = shown.Shop(Path(folder))
        sections = shop.replay()
        for page in shown.PAGES:
            text = page.read_text(encoding="utf-8")
            page.write_text(shown.renewed(text, sections), encoding="utf-8")
        runs = sorted((shop.path / ".lmopt/runs").glob("*.json"))
        pictures.take(sections, dict(zip(shown.STORY, runs, strict=True)))


def ask() -> None:
    """Have the model answer what a search asks, and keep the answers that the example lacks."""
    with tempfile.TemporaryDirectory() as folder:
        shop = shown.Shop(Path(folder))
        for name in ("search", "accept"):
            shop.run(name)
        keep(shop.path / ".lmopt/recordings.sqlite")


def keep(store: Path) -> None:
    """Write answers from a store to ``recordings.jsonl``."""
    known = read_records(shown.EXAMPLE / "tests/records")
    answers = []
    with closing(sqlite3.connect(store)) as database:
        for asked, answer in database.execute("SELECT request, answer FROM recordings"):
            model, messages, params = json.loads(asked)
            said = tuple(Message(*message) for message in messages)
            request = Request(model=model, messages=said, params=params)
            completion = load_answer(answer)
            if completion is not None and request.key not in known:
                answers.append((request, completion))
    shown.RECORDINGS.write_text(dump_record("the search", [answers]), encoding="utf-8")


if __name__ == "__main__":
    if "--ask" in sys.argv[1:]:
        ask()
    renew()

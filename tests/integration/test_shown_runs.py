"""What README and documents show of a run is what pytest prints today; their pictures are there."""

from __future__ import annotations

import re

import pytest
from projects.documents import PAGES, ROOT

LARGEST = 150_000
"""Bytes of a picture."""


def test_the_terminal_shown_is_what_pytest_prints(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gate, search, accepted winner and failing gate, replayed: not a letter differs."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    import shown

    class Shop(shown.Shop):
        """The same in this process, which has imported everything already."""

        def pytest(self, *arguments: str) -> tuple[int, str]:
            done = pytester.runpytest_inprocess(*arguments)
            return int(done.ret), done.stdout.str()

    monkeypatch.setenv("COLUMNS", shown.SETTINGS["COLUMNS"])
    sections = Shop(pytester.path).replay()
    pages = {page: page.read_text(encoding="utf-8") for page in PAGES}
    names = {block[2] for text in pages.values() for block in shown.BLOCK.finditer(text)}
    assert names == {"gate", "search", "failing"}
    for page, text in pages.items():
        assert shown.renewed(text, sections) == text, f"{page}: run python docs/screenshots.py"


def test_every_picture_is_there_small_and_described() -> None:
    """Of README and documents; those that the site's build draws are not looked for."""
    found = set()
    for page in PAGES:
        for words, target in re.findall(r"!\[([^]]*)\]\(([^)#]+)", page.read_text("utf-8")):
            assert len(words) > 40, (page, target)
            if not target.startswith("figures/"):
                picture = (page.parent / target).resolve()
                assert 1000 < picture.stat().st_size < LARGEST, picture
                found.add(picture)
    assert found == set((ROOT / "docs/pictures").glob("*.png"))

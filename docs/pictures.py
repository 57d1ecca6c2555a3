"""Pictures of terminal and HTML report, taken in headless Chromium."""

from __future__ import annotations

import html
import io
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shown import ROOT, STYLE

from pytest_lmopt.reports.html.page import page
from pytest_lmopt.reports.stored_runs import read_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT, MARGIN = 1060, 4000, 20
COLOURS = 256
"""Of a picture, as PNG has them by number: the file is half as large."""

TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #16181d; color: #d8dbe0 }
pre { font: 14px/1.4 "DejaVu Sans Mono", monospace; padding: 14px; width: 96ch; margin: 0;
      white-space: pre-wrap; overflow-wrap: anywhere }
b { font-weight: inherit; color: inherit }
.s1 { font-weight: bold; color: #fff } .s31 { color: #ff7b72 } .s32 { color: #56d364 }
.s33 { color: #e3b341 } .s36 { color: #56c8d8 }
</style><pre>"""


def take(sections: Mapping[str, str], runs: Mapping[str, Path]) -> None:
    """Take all pictures, of the story's sections in colour and its stored runs."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _browser() as browser:
        terminal = Path(folder) / "terminal.html"
        terminal.write_text(TERMINAL + _coloured(sections["failing"]), encoding="utf-8")
        _open(browser, terminal, "dark")
        _picture(browser, "pre", "terminal.png")

        for name, run in runs.items():
            report = Path(folder) / f"{name}.html"
            report.write_text("".join(page(read_run(run))), encoding="utf-8")
        _open(browser, Path(folder) / "search.html", "light")
        _picture(browser, "section.suite", "search.png")
        _open(browser, Path(folder) / "failing.html", "dark")
        browser.find_element("css selector", "#table .toggle").click()
        _picture(browser, "section[aria-labelledby=examples]", "examples.png", most=760)


def _coloured(text: str) -> str:
    """Text with codes for colours, as HTML."""
    begun = STYLE.sub(lambda code: "</b>" + _begin(code[0]), html.escape(text))
    return f"<b>{begun}</b>"


def _begin(code: str) -> str:
    classes = " ".join(f"s{number}" for number in re.findall(r"\d+", code) if number != "0")
    return f'<b class="{classes}">'


@contextmanager
def _browser() -> Iterator[Chrome]:
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.binary_location = str(shutil.which("chromium"))
    browser = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield browser
    finally:
        browser.quit()


def _open(browser: Chrome, path: Path, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())


def _picture(browser: Chrome, selector: str, name: str, *, most: int = HEIGHT) -> None:
    """Write what an element shows, down to a height, with a margin around it."""
    from PIL import Image

    place = browser.find_element("css selector", selector).rect
    left, top = max(0, place["x"] - MARGIN), max(0, place["y"] - MARGIN)
    right, bottom = place["x"] + place["width"] + MARGIN, top + min(most, place["height"] + MARGIN)
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as shot:
        part = shot.convert("RGB").crop((left, top, min(right, WIDTH), bottom))
        few = part.quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(FOLDER / name, optimize=True)

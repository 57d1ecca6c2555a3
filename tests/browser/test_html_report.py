"""The HTML report in a real browser: what it shows, and what it does not let happen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from doubles.sample_run import EVIL, sample

from pytest_lmopt.reports.html.page import page
from pytest_lmopt.reports.stored_runs import StoredRun

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ALONE = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""No window, and no connection of the browser's own."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """Headless Chromium."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    for argument in ALONE:
        options.add_argument(argument)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def run(browser: Chrome, tmp_path_factory: pytest.TempPathFactory) -> tuple[StoredRun, str]:
    """A sample run, and the address of its report."""
    return _reported(tmp_path_factory.mktemp("report"), examples=120)


def _reported(folder: Path, *, examples: int) -> tuple[StoredRun, str]:
    run = sample(folder / "run.json", examples=examples)
    (folder / "run.html").write_text("".join(page(run)), encoding="utf-8")
    return run, (folder / "run.html").as_uri()


@pytest.fixture
def opened(browser: Chrome, run: tuple[StoredRun, str]) -> Iterator[StoredRun]:
    """The sample run, its report opened; at the end the console is empty."""
    _console(browser)
    browser.get(run[1])
    yield run[0]
    assert _console(browser) == []


def _console(browser: Any) -> list[object]:
    """What the console has said since it was last asked."""
    return [*browser.get_log("browser")]


def _all(browser: Chrome, selector: str) -> list[WebElement]:
    return browser.find_elements("css selector", selector)


def _one(browser: Chrome, selector: str) -> WebElement:
    return browser.find_element("css selector", selector)


def _choose(browser: Chrome, select: str, text: str) -> None:
    from selenium.webdriver.support.select import Select

    Select(_one(browser, select)).select_by_visible_text(text)


def test_the_page_shows_the_run(browser: Chrome, opened: StoredRun) -> None:
    """Totals, a table and plots of suites, a search with its diff, and the first examples."""
    run = opened
    assert "LM suites" in browser.title
    assert [link.text for link in _all(browser, "#suites ~ .scroll tbody a")] == [
        suite.suite for suite in run.suites
    ]
    assert len(_all(browser, "svg[role=img]")) == 5
    assert len(_all(browser, ".diff ins")) == 3
    assert _one(browser, "#shown").text == "252 examples"
    assert len(_all(browser, "#table tbody tr")) == 50


def test_examples_are_filtered_searched_sorted_and_paged(
    browser: Chrome, opened: StoredRun
) -> None:
    """The counts are those of the run."""
    run = opened
    below = [row for _, row in run.rows if row["score"] is not None and row["score"] < 1.0]
    _choose(browser, "#by-outcome", "score below 1")
    assert _one(browser, "#shown").text == f"{len(below)} of 252 examples"
    _choose(browser, "#by-split", "holdout")
    held = [row for row in below if row["split"] == "holdout"]
    assert _one(browser, "#shown").text == f"{len(held)} of 252 examples"
    _choose(browser, "#by-split", "all")
    _choose(browser, "#by-outcome", "all")
    _one(browser, "#by-text").send_keys("TICKET-11")
    found = [row for _, row in run.rows if row["id"].startswith("ticket-11")]
    assert _one(browser, "#shown").text == f"{len(found)} of 252 examples"
    _one(browser, "#by-text").clear()
    _one(browser, "#by-text").send_keys(" ")
    _one(browser, "[data-key=score] button").click()
    assert _one(browser, "[data-key=score]").get_attribute("aria-sort") == "ascending"
    assert float(_all(browser, "#table tbody td.number")[0].text) == 0.0
    _one(browser, "#next").click()
    assert _one(browser, "#page").text == "51 to 100 of 252"
    _all(browser, "a[data-suite]")[3].click()
    assert _one(browser, "#shown").text == "12 of 252 examples"


def test_a_row_unfolds_by_keyboard_to_its_trace(browser: Chrome, opened: StoredRun) -> None:
    """What the model was asked and answered; of holdout examples only that they are hidden."""
    from selenium.webdriver.common.keys import Keys

    toggle = _one(browser, "#table .toggle")
    toggle.send_keys(Keys.ENTER)
    assert toggle.get_attribute("aria-expanded") == "true"
    call = _one(browser, ".unfolded details.call")
    assert "prompts/route.yaml (61 + 3 tokens, replayed)" in call.text
    call.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert "you took the money for my order twice" in call.text
    toggle.send_keys(Keys.ENTER)
    assert _all(browser, ".unfolded") == []
    _choose(browser, "#by-split", "holdout")
    _one(browser, "#table .toggle").send_keys(Keys.ENTER)
    assert "only ids and scores are shown" in _one(browser, ".unfolded").text


def test_what_a_model_wrote_is_text(browser: Chrome, opened: StoredRun) -> None:
    """Scripts, images and links in an answer are shown as what they are, wherever it appears."""
    _all(browser, "a[data-suite]")[3].click()
    _one(browser, "#table .toggle").click()
    shown = EVIL.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert _all(browser, ".pair pre")[1].text == shown
    assert shown in _one(browser, ".problem").text
    assert browser.title != "taken over"
    assert _all(browser, "img, iframe, object, a[href^=javascript]") == []


def test_a_clients_call_unfolds_to_its_messages_in_order(
    browser: Chrome, opened: StoredRun
) -> None:
    """Client, model, roles, tools offered and tools called; whatever is in them is text."""
    _all(browser, "a[data-suite]")[3].click()
    _one(browser, "#table .toggle").click()
    call = _all(browser, ".unfolded details.call")[1]
    head = call.find_element("css selector", "summary")
    assert head.text == (
        "call 2: openai.chat:openai/gpt-4o (by OpenAI/Python, answered by openai/gpt-4o-mini, "
        "90 + 5 tokens, 64 cached)"
    )
    head.click()
    titles = [each.text for each in call.find_elements("css selector", "h4")]
    assert titles[:4] == ["system", "user", "assistant", "tool"]
    assert titles[4].startswith("answer: calls lookup <script>")
    assert "12 more messages" in call.text
    tools = call.find_element("css selector", "details")
    assert tools.text == "tools offered"
    tools.find_element("css selector", "summary").click()
    assert "lookup <script>" in tools.text
    assert browser.title != "taken over"


def test_the_policy_would_stop_what_got_in(browser: Chrome, opened: StoredRun) -> None:
    """Even a script or an image that somehow came into the page does nothing."""
    violations = browser.execute_async_script(
        """
        const done = arguments[0], seen = [];
        document.addEventListener("securitypolicyviolation", (event) => {
          seen.push(event.effectiveDirective);
          if (seen.length === 3) done(seen.sort());
        });
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken over'";
        const image = document.createElement("img");
        image.src = "https://example.invalid/x.png";
        const styled = document.createElement("p");
        styled.setAttribute("style", "color: red");
        document.body.append(script, image, styled);
        """
    )
    assert violations == ["img-src", "script-src-elem", "style-src-attr"]
    assert browser.title != "taken over"
    _console(browser)  # each is told there, too


def test_plots_and_table_have_names_for_who_cannot_see_them(
    browser: Chrome, opened: StoredRun
) -> None:
    """Each plot is an image with a title; headers say of what; nothing relies on colour alone."""
    names = [plot.accessible_name for plot in _all(browser, "svg[role=img]")]
    assert names[0].startswith("Change of each suite against its baseline")
    assert all(names)
    unnamed = browser.execute_script(
        """
        return [...document.querySelectorAll("th")].filter((head) => !head.scope).length
          + document.querySelectorAll("select:not(label select), input:not(label input)").length
        """
    )
    assert unnamed == 0
    assert _one(browser, "td.verdict").text == "▲ improved"
    assert _one(browser, "[role=search]").accessible_name == "Filter the examples"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(
    browser: Chrome, opened: StoredRun, scheme: str
) -> None:
    """Every colour of text has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    colours: dict[str, Any] = browser.execute_script(
        """
        const style = getComputedStyle(document.documentElement);
        const names = ["page", "soft", "ink", "faint", "accent", "good", "bad", "warn"];
        return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
        """
    )
    light = {name: _luminance(value.strip()) for name, value in colours.items()}
    assert (light["page"] > 0.5) == (scheme == "light")
    for ground in ("page", "soft"):
        for name in ("ink", "faint", "accent", "good", "bad", "warn"):
            high, low = sorted((light[name], light[ground]), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def _luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_ten_thousand_examples_open_at_once(browser: Chrome, tmp_path: Path) -> None:
    """Within half a second on an idle machine; three are granted here."""
    browser.get(_reported(tmp_path, examples=10_000)[1])
    loaded = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert browser.execute_script(loaded) < 3000
    _choose(browser, "#by-outcome", "score below 1")
    assert "of 10,132 examples" in _one(browser, "#shown").text


def test_a_narrow_page_does_not_scroll_sideways(browser: Chrome, opened: StoredRun) -> None:
    """Only what is too wide for a phone does, on its own."""
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 360

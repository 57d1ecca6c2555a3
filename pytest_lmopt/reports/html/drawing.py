"""Plots by matplotlib as SVG that a page with a strict policy may hold, in the page's colours."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from pytest_lmopt.safe_text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, LINE, ACCENT, GOOD, BAD = (f"#00000{digit}" for digit in range(1, 7))
"""Stand-ins for the page's colours, which only its style sheet knows."""
_COLOURS = {
    INK: "ink", FAINT: "faint", LINE: "line", ACCENT: "accent", GOOD: "good", BAD: "bad",
}  # fmt: skip
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be found, scaled and read aloud
    "svg.hashsalt": "pytest-lmopt",
    "text.parse_math": False,  # a suite's name may hold dollar signs
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_SVG = "http://www.w3.org/2000/svg"
_HREF = "{http://www.w3.org/1999/xlink}href"
WIDTH = 5.4
"""Inches: at 72 units each, text of size 9 stays readable on a phone."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot's SVG, and the sentence that says what is to be seen in it."""

    svg: str
    caption: str


def plot(
    draw: Callable[[Axes], Mapping[str, str]],
    *,
    name: str,
    height: float,
    title: str,
    description: str,
    caption: str,
) -> Plot:
    """Let ``draw`` draw on axes; it returns what pointing at its artists tells, by their ``gid``.

    ``name`` distinguishes the plot on its page, ``height`` is in inches; ``title`` and
    ``description`` are for those who can't see it.
    """
    from matplotlib.figure import Figure

    with _settings():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        hints = draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    root = ElementTree.fromstring(file.getvalue())
    _clean(root, name)
    _describe(root, name, title, printable(description))
    for identity, hint in hints.items():
        _hint(root, f"{name}-{identity}", printable(hint))
    ElementTree.register_namespace("", _SVG)
    return Plot(svg=ElementTree.tostring(root, encoding="unicode"), caption=caption)


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of glyphs its own font lacks: the browser has others
        mpl.rcdefaults()  # not those of the user's own plots
        mpl.rcParams.update(_SETTINGS)
        yield


def _clean(root: ElementTree.Element, name: str) -> None:
    """Ids of this plot's own; attributes and classes in place of styles, which a policy forbids."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", f"{name}-{element.get('id')}")
        if _HREF in element.attrib:
            element.set("href", f"#{name}-{element.attrib.pop(_HREF)[1:]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", element.attrib["clip-path"].replace("#", f"#{name}-"))
        classes = []
        for declaration in element.attrib.pop("style", "").split(";"):
            key, _, value = (part.strip() for part in declaration.partition(":"))
            if key in ("fill", "stroke") and value in _COLOURS:
                classes.append(f"{key}-{_COLOURS[value]}")
            elif key in ("font", "font-size"):
                element.set("font-size", re.findall(r"([\d.]+)px", value)[0])
            elif key and key != "font-family":
                element.set(key, value)
        if classes:
            element.set("class", " ".join(classes))


def _describe(root: ElementTree.Element, name: str, title: str, description: str) -> None:
    for attribute in ("width", "height"):
        del root.attrib[attribute]
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(place, element)


def _hint(root: ElementTree.Element, identity: str, text: str) -> None:
    for element in root.iter():
        if element.get("id") == identity:
            title = ElementTree.Element(f"{{{_SVG}}}title")
            title.text = text
            element.insert(0, title)

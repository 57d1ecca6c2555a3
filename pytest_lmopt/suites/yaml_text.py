"""YAML that somebody else may have written: looked through before anything is built from it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from pytest_lmopt.suites.reading import MOST_LEVELS

MOST_EXPANDED = 8 << 20
"""Size of a document with every alias written out ("billion laughs"): characters of its scalars,
and ``PER_VALUE`` more for each value."""

PER_VALUE = 10

_NUMBER = re.compile(
    r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?)\Z"
)
_MOST_DIGITS = 1000
"""A longer number takes too long to convert, or can't be printed."""


class YamlError(ValueError):
    """The text can't be used as YAML; ``line`` (1-based) says where, as far as it is known."""

    def __init__(self, problem: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(problem)


def load_yaml(text: str, *, kind: Literal["rt", "safe"]) -> Any:
    """The document: with its comments and places (``rt``), or plain values (``safe``).

    Tags never make anything but plain values. Raises ``YamlError``, whatever is wrong.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        _look_through(YAML(typ="safe", pure=True).parse(text))
        return YAML(typ=kind, pure=True).load(text)
    except YamlError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "malformed"
        raise YamlError(problem, line=mark.line + 1 if mark else None) from None
    except Exception as error:  # wrong tags make the parser raise AttributeError and others
        raise YamlError(str(error) or type(error).__name__) from None


def _look_through(events: Iterable[Any]) -> None:
    """Refuse what would be too much once built; the events themselves cost no more than the text.

    ``open_sizes`` are those of the lists and mappings that stand open, outermost first; ``sizes``
    those of the anchors that are complete.
    """
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

    open_sizes = [0]
    anchors: list[str | None] = [None]
    sizes: dict[str, int] = {}
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, CollectionStartEvent):
            open_sizes.append(PER_VALUE)
            anchors.append(event.anchor)
            if event.anchor is not None:
                sizes.pop(event.anchor, None)
            if len(open_sizes) > MOST_LEVELS + 1:
                raise YamlError(f"more than {MOST_LEVELS} levels inside each other", line=line)
        elif isinstance(event, CollectionEndEvent):
            size, anchor = open_sizes.pop(), anchors.pop()
            open_sizes[-1] += size
            if anchor is not None:
                sizes[anchor] = size
        elif isinstance(event, AliasEvent):
            if event.anchor in anchors and event.anchor not in sizes:
                raise YamlError(f"*{event.anchor} stands inside &{event.anchor}", line=line)
            open_sizes[-1] += sizes.get(event.anchor, 0)
        elif isinstance(event, ScalarEvent):
            open_sizes[-1] += PER_VALUE + len(event.value)
            if event.anchor is not None:
                sizes[event.anchor] = PER_VALUE + len(event.value)
            plain = event.implicit[0] or event.tag is not None
            if plain and len(event.value) > _MOST_DIGITS and _NUMBER.match(event.value):
                problem = f"a number of {len(event.value)} characters; if it is a text, quote it"
                raise YamlError(problem, line=line)
        if sum(open_sizes) > MOST_EXPANDED:
            raise YamlError(
                f"over {MOST_EXPANDED:,} characters with aliases written out", line=line
            )

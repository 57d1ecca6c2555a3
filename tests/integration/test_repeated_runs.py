"""``repeats=``: unreliable pipelines run several times per example."""

from __future__ import annotations

import itertools
import threading

from doubles.openai_server import OpenAIServer
from projects.shouting import Project


def test_an_examples_score_is_the_mean_of_its_repeats(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Equal requests are asked anew for each repeat; pass@k and pass^k tell reliability."""
    seen: dict[str, itertools.count[int]] = {}
    lock = threading.Lock()

    def every_other(chat: object) -> str:
        word = chat[-1][1]  # type: ignore[index]  # messages are pairs
        with lock:
            turn = next(seen.setdefault(word, itertools.count()))
        return word.upper() if turn % 2 == 0 else "no idea"

    openai_server.answer = every_other
    project.suite("repeats=4", examples=30)
    result = project.run()
    result.stdout.fnmatch_lines(
        [
            "*test_shout *0.500 [[]0.50, 0.50[]]*",
            "*4 runs of each example: pass@4 1.000, pass^4 0.*",
        ]
    )
    assert openai_server.calls % 4 == 0

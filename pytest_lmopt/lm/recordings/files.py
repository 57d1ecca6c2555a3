"""Record files: recordings to commit, one suite a file, as lines of JSON that read well in a diff.

The first line names format and suite, and says how many answers follow: of a file that was cut
short nothing is read. A line with ``messages`` introduces a prompt: all that its requests share.
Each line with ``answer`` is one request, by what it asks of that prompt last, and its answer. A
changed prompt thus changes its own line and only those answers that came out differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.errors import RecordError
from pytest_lmopt.lm.money.usage import recorded_usage
from pytest_lmopt.lm.recordings.closest import COMPARED
from pytest_lmopt.suites.reading import distinct, other_than_file
from pytest_lmopt.wire import Completion, Message, Refusal, Request, ToolCall, WholeCompletion

VERSION = 1
_MOST = 10**12
"""Of what is counted: more was never asked, answered or paid in one call."""
Answer = tuple[Request, Completion]


def dump_record(suite: str, runs: Iterable[Iterable[Answer]]) -> str:
    """The text of a record file: the answers of each run in turn, each request once.

    Within a run the order is that of the content, since calls made at once arrive in any order.
    """
    lines: list[Mapping[str, Any]] = []
    prompts: dict[str, int] = {}
    known: set[str] = set()
    for run in runs:
        for _, request, completion in sorted(_by_content(run), key=lambda entry: entry[0]):
            if request.key in known:
                continue
            known.add(request.key)
            shared = {
                "model": request.model,
                "params": json.loads(canonical_json(dict(request.params))),
                "messages": request.messages[:-1],
            }
            name = canonical_json(shared)
            if name not in prompts:
                prompts[name] = len(prompts) + 1
                lines.append({"prompt": prompts[name], **shared})
            lines.append(_answer_line(prompts[name], request, completion))
    header = {"record": VERSION, "suite": suite, "answers": len(known)}
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in (header, *lines))
    # half a surrogate pair can't be encoded; its escape is what JSON has for it
    return text.encode("utf-8", "backslashreplace").decode()


def _by_content(run: Iterable[Answer]) -> Iterable[tuple[str, Request, Completion]]:
    for request, completion in run:
        parts = [request.model, dict(request.params), request.messages, request.repeat]
        yield canonical_json(parts), request, completion


def _answer_line(prompt: int, request: Request, completion: Completion) -> dict[str, Any]:
    last, usage = request.messages[-1], completion.usage
    whole = completion.whole if isinstance(completion, WholeCompletion | Refusal) else None
    return {
        "prompt": prompt,
        **({"role": last.role} if last.role != "user" else {}),
        "asked": last.content,
        **({"repeat": request.repeat} if request.repeat else {}),
        "answer": completion.text,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "micro_usd": usage.micro_usd,
        **({"tool_calls": completion.tool_calls} if completion.tool_calls else {}),
        **({"finish": completion.finish} if completion.finish else {}),
        **({"whole": whole} if whole is not None else {}),
        **({"refused": completion.problem} if isinstance(completion, Refusal) else {}),
    }


class Records(dict[str, Completion]):
    """Answers by their request's key, marked as replayed, with their ``requests``."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, Request] = {}

    def recent(self, model: str | None) -> Sequence[Request]:
        """Some requests to a model, as of a ``Store``."""
        requests = self.requests.values()
        return [each for each in requests if model in (None, each.model)][-COMPARED:]


def parse_record(text: str, *, path: Path) -> Records:
    """The answers of a record file; raises ``RecordError``."""
    prompts: dict[int, Mapping[str, Any]] = {}
    answers = Records()
    expected: int | None = None
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            fields = _loaded(line)
            if number == 1:
                expected = _check_header(fields)
            elif "messages" in fields:
                _introduce(prompts, fields)
            else:
                request, completion = _answer(prompts, fields)
                if request.key in answers:
                    raise ValueError("expected one answer to each request, found a second one")
                answers[request.key] = completion
                answers.requests[request.key] = request
        except (ValueError, RecursionError) as error:
            problem = f"no JSON ({error})" if isinstance(error, json.JSONDecodeError) else error
            raise RecordError(str(problem), path=path, line=number) from None
    if expected is not None and expected != len(answers):
        raise RecordError(
            f"expected the {expected} answers of the first line, found {len(answers)}: the file "
            "was cut short, or merged",
            path=path,
            line=len(lines),
        )
    return answers


def read_records(folder: Path) -> Records:
    """The answers in all record files below a folder; raises ``RecordError``."""
    answers = Records()
    for path in sorted(folder.rglob("*.jsonl")):
        try:
            if found := other_than_file(path):  # a pipe would block
                raise OSError(f"expected a file, found {found}")
            text = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise RecordError("text in UTF-8 expected", path=path, line=line) from None
        except OSError as error:
            problem = f"can't be read: {error.strerror or error}"
            raise RecordError(problem, path=path, line=1) from None
        record = parse_record(text.replace("\r\n", "\n"), path=path)
        for key, completion in record.items():
            answers.setdefault(key, completion)
        answers.requests |= record.requests
    return answers


def _loaded(line: str) -> dict[str, Any]:
    fields = json.loads(line, object_pairs_hook=distinct, parse_constant=_refused)
    if not isinstance(fields, dict):
        raise ValueError(f"an object expected, found {line[:80]!r}")
    return fields


def _refused(constant: str) -> None:
    raise ValueError(f"expected JSON, found {constant}")


def _check_header(fields: dict[str, Any]) -> int | None:
    """How many answers follow; files of earlier versions don't say so."""
    if fields.get("record") != VERSION:
        raise ValueError(
            f'"record": {VERSION} expected in the first line, found {fields.get("record")!r}; in '
            "the folder of --lm-record may be nothing else"
        )
    if "answers" in fields:
        _check(fields, {"record": int, "suite": str, "answers": int})
    answers: int | None = fields.get("answers")
    return answers


def _introduce(prompts: dict[int, Mapping[str, Any]], fields: dict[str, Any]) -> None:
    _check(fields, {"prompt": int, "model": str, "params": dict, "messages": list})
    if fields["prompt"] in prompts:
        raise ValueError(f"prompt {fields['prompt']} is there already")
    for message in fields["messages"]:
        pair = message if isinstance(message, list) else []
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ValueError(f"a message is [role, content], found {message!r}")
    prompts[fields["prompt"]] = fields


def _answer(prompts: Mapping[int, Mapping[str, Any]], fields: dict[str, Any]) -> Answer:
    absent = {"role": "user", "repeat": 0, "tool_calls": [], "finish": ""}
    full = {**absent, "whole": None, "refused": None, **fields}
    _check(
        full,
        {
            "prompt": int,
            "role": str,
            "asked": str,
            "repeat": int,
            "answer": str,
            "input_tokens": int,
            "output_tokens": int,
            "micro_usd": int | None,
            "tool_calls": list,
            "finish": str,
            "whole": dict | None,
            "refused": str | None,
        },
    )
    for name in ("repeat", "input_tokens", "output_tokens", "micro_usd"):
        if full[name] is not None and not 0 <= full[name] <= _MOST:
            raise ValueError(f"field {name!r}: expected 0 to {_MOST:,}, found {full[name]}")
    if full["prompt"] not in prompts:
        raise ValueError(f"prompt {full['prompt']} is not introduced above")
    prompt = prompts[full["prompt"]]
    request = Request(
        model=prompt["model"],
        messages=(
            *(Message(*message) for message in prompt["messages"]),
            Message(full["role"], full["asked"]),
        ),
        params=prompt["params"],
        repeat=full["repeat"],
    )
    counted = ("input_tokens", "output_tokens", "micro_usd")
    usage = recorded_usage({"calls": 1, **{name: full[name] for name in counted}})
    text, usage = full["answer"], usage.as_replayed
    if full["refused"] is not None:
        refused = Refusal(text=text, usage=usage, problem=full["refused"], whole=full["whole"])
        return request, refused
    tool_calls = tuple(map(_tool_call, full["tool_calls"]))
    more: dict[str, Any] = {"tool_calls": tool_calls, "finish": full["finish"]}
    if full["whole"] is not None:
        return request, WholeCompletion(text=text, usage=usage, whole=full["whole"], **more)
    return request, Completion(text=text, usage=usage, **more)


def _tool_call(found: Any) -> ToolCall:
    parts = found if isinstance(found, list) else []
    if len(parts) != 3 or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"a tool call is [id, name, arguments], found {found!r}")
    return ToolCall(*parts)


def _check(fields: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    for name, kind in kinds.items():
        value = fields.get(name)
        if name not in fields or not isinstance(value, kind) or isinstance(value, bool):
            wanted = getattr(kind, "__name__", str(kind))
            raise ValueError(f"field {name!r}: {wanted} expected, found {value!r}")
    unknown = sorted(fields.keys() - kinds.keys())
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}")

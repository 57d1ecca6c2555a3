"""litellm's price table as it was released, out of reach of whatever runs in this process.

litellm's own copy changes while pipelines run: ``register_model``, a router's ``model_list`` and
prices given with a call all write to it, and what they wrote holds for every later call.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pytest_lmopt.errors import PackageError
from pytest_lmopt.lm.litellm_loading import load_litellm
from pytest_lmopt.lm.private_names import advice

_FILE = "model_prices_and_context_window_backup.json"
_INPUT, _OUTPUT = "input_cost_per_token", "output_cost_per_token"
_READ, _WRITE = "cache_read_input_token_cost", "cache_creation_input_token_cost"
_CONTEXT, _LARGEST = "max_input_tokens", "max_output_tokens"
_IMAGE, _IMAGE_TOKEN = "output_cost_per_image", "output_cost_per_image_token"
_ABOVE = re.compile(rf"^(?:{_INPUT}|{_OUTPUT})_above_(\d+)(k?)_tokens$")
_VERSIONED = re.compile(r"-(?:\d{3}|\d{8}|\d{4}-\d{2}-\d{2})$|@[\w.\-]+$|:\d+$")
_ROUTES = re.compile(r"^(?:converse|invoke|converse_like|chat|responses|fireworks_ai)/")
_REGION = re.compile(
    r"^(?:us|eu|ap|apac|au|jp|ca|sa|me|global|us-gov)\.|^[a-z]{2}(?:-gov)?-[a-z]+-\d/"
)
_FAMILIES = ("vertex_ai", "fireworks_ai", "bedrock")
_UNLISTED = ("openrouter", "hosted_vllm", "ollama_chat")
"""Providers of litellm's that its table may lack."""
_OTHERS_TOO = {"azure_ai": ("azure", "openai"), "github": None, "litellm_proxy": None}


def table_price(
    model: str, input_tokens: int, output_tokens: int, *, cached: int = 0, written: int = 0
) -> float | None:
    """Dollars for these tokens; None for a model without a price per token.

    ``cached`` of the input were read from the provider's cache, and ``written`` of it to the cache:
    at rates of their own where the table has them, else like any input.
    """
    entry = _priced(model)
    if entry is None:
        return None
    rates = _rates(entry, input_tokens)
    plain = max(0, input_tokens - cached - written)
    return (
        plain * rates.input
        + cached * rates.cached
        + written * rates.written
        + output_tokens * rates.output
        + float(entry.get("input_cost_per_request") or 0.0)
    )


def image_price(model: str, images: int) -> float | None:
    """Dollars for so many images; None for a model whose price depends on size or on tokens."""
    entry = _found(model, _provider(model), _has_image_price)
    return None if entry is None else images * float(entry[_IMAGE])


@lru_cache(maxsize=1024)
def table_limits(model: str) -> tuple[object, object]:
    """A model's context and largest output, in tokens as the table has them; None for unknown.

    litellm stays unimported: a provider that only litellm's code knows has no model in the table.
    """
    entry = _found(model, _named_provider(model), lambda _: True)
    return (None, None) if entry is None else (entry.get(_CONTEXT), entry.get(_LARGEST))


def table_entry(name: str) -> Mapping[str, Any]:
    """Return what the table has under exactly this name; empty for nothing."""
    entry: Mapping[str, Any] = _table().get(name) or {}
    return entry


class _Rates(NamedTuple):
    """Dollars per token."""

    input: float
    output: float
    cached: float
    written: float


def _rates(entry: Mapping[str, Any], input_tokens: int) -> _Rates:
    tiers = entry.get("tiered_pricing")
    if isinstance(tiers, Sequence) and tiers:
        within = [tier for tier in tiers if tier["range"][0] <= input_tokens] or tiers[:1]
        tier = within[-1]
        into = float(tier[_INPUT])
        out = float(tier.get(_OUTPUT, entry.get(_OUTPUT, 0.0)))
        return _Rates(into, out, float(tier.get(_READ, into)), float(tier.get(_WRITE, into)))
    limits = _limits(tuple(entry))
    suffixes = ["", *(suffix for limit, suffix in limits if input_tokens > limit)]

    def rate(name: str, otherwise: float) -> float:
        given = [entry[name + suffix] for suffix in suffixes if entry.get(name + suffix)]
        return float(given[-1]) if given else otherwise

    into = rate(_INPUT, 0.0)
    # a rate of 0 is a rate here: some providers charge nothing for a cache
    kept = (into if entry.get(name) is None else float(entry[name]) for name in (_READ, _WRITE))
    # a model that makes images answers in image tokens, which cost more than its text
    drawn = entry.get(_IMAGE_TOKEN) if entry.get("mode") == "image_generation" else None
    out = float(drawn) if drawn else rate(_OUTPUT, 0.0)
    return _Rates(into, out, *map(rate, (_READ, _WRITE), kept))


@lru_cache(maxsize=1024)
def _limits(names: Sequence[str]) -> Sequence[tuple[int, str]]:
    """The input lengths above which an entry's fields give other rates, with these' suffixes."""
    limits = {
        int(found[1]) * (1000 if found[2] else 1): f"_above_{found[1]}{found[2]}_tokens"
        for found in filter(None, map(_ABOVE.match, names))
    }
    return sorted(limits.items())


@lru_cache(maxsize=1024)
def _priced(model: str) -> Mapping[str, Any] | None:
    return _found(model, _provider(model), _has_token_price)


def _found(
    model: str, provider: str | None, is_wanted: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any] | None:
    if provider is None:
        return None
    table = _table()
    for name in _names(model, provider):
        entry: Mapping[str, Any] | None = table.get(name) or table.get(name.lower())
        if entry is not None and _is_of(entry, provider) and is_wanted(entry):
            return entry
    return None


def _provider(model: str) -> str | None:
    """The provider that a model string means; None where litellm knows none either.

    litellm takes a second or more to import, so only what the table leaves open is asked of it.
    """
    named = _named_provider(model)
    prefix = model.partition("/")[0]
    if named or prefix in _UNLISTED:
        return named or prefix
    if any(sign in prefix for sign in ".:") and prefix != model:
        return None  # a host, such as a client's own gateway
    litellm = load_litellm()
    try:
        provider: str = litellm.get_llm_provider(model=model)[1]
    except Exception:  # litellm raises bare Exceptions for models it does not know
        return None
    return provider


def _named_provider(model: str) -> str | None:
    """The provider by the table alone: None for a prefix that it lacks, "" for none."""
    prefix, slash, _ = model.partition("/")
    if slash:
        return prefix if prefix in _providers() else None
    return str(_table().get(model, {}).get("litellm_provider") or "")


def _names(model: str, provider: str) -> Iterator[str]:
    """Names under which the table may have a model, the most exact one first."""
    bare = model.removeprefix(f"{provider}/")
    forms = [model, f"{provider}/{bare}", bare]
    for _ in range(3):
        shorter = _ROUTES.sub("", bare)
        shorter = shorter if shorter != bare else _REGION.sub("", bare)
        if shorter == bare:
            break
        bare = shorter
        forms += [f"{provider}/{bare}", bare]
    yield from forms
    for form in forms:
        if form.startswith("ft:") or "/ft:" in form:
            yield ":".join(form.split(":")[:2])
        yield _VERSIONED.sub("", form)


def _is_of(entry: Mapping[str, Any], provider: str) -> bool:
    owner = entry.get("litellm_provider")
    if not provider or not owner or owner == provider:
        return True
    if any(provider.startswith(each) and owner.startswith(each) for each in _FAMILIES):
        return True
    others = _OTHERS_TOO.get(provider, ())
    return others is None or owner in others


def _has_token_price(entry: Mapping[str, Any]) -> bool:
    return _INPUT in entry or _OUTPUT in entry or bool(entry.get("tiered_pricing"))


def _has_image_price(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get(_IMAGE)) and not _has_token_price(entry)


@lru_cache(maxsize=1)
def _providers() -> frozenset[str]:
    return frozenset(str(entry.get("litellm_provider")) for entry in _table().values())


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    spec = importlib.util.find_spec("litellm")  # finds the package, does not run it
    folders = (spec.submodule_search_locations if spec else None) or []
    paths = [path for path in (Path(folder) / _FILE for folder in folders) if path.is_file()]
    if not paths:
        raise PackageError(
            f"calls can't be priced: expected the price table {_FILE} in the package litellm, "
            f"found none. {advice('litellm')}",
            package="litellm",
        )
    table: dict[str, Any] = json.loads(paths[0].read_text(encoding="utf-8"))
    return {**{name.lower(): entry for name, entry in table.items()}, **table}

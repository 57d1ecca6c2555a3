"""litellm's price table as it was released, out of reach of whatever runs in this process.

litellm's own copy changes while pipelines run: ``register_model``, a router's ``model_list`` and
prices given with a call all write to it, and what they wrote holds for every later call.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pytest_lmopt.lm.litellm_loading import load_litellm

_FILE = "model_prices_and_context_window_backup.json"
_INPUT, _OUTPUT = "input_cost_per_token", "output_cost_per_token"
_ABOVE = re.compile(rf"^(?:{_INPUT}|{_OUTPUT})_above_(\d+)(k?)_tokens$")
_VERSIONED = re.compile(r"-(?:\d{3}|\d{8}|\d{4}-\d{2}-\d{2})$|@[\w.\-]+$|:\d+$")
_ROUTES = re.compile(r"^(?:converse|invoke|converse_like|chat|responses|fireworks_ai)/")
_REGION = re.compile(
    r"^(?:us|eu|ap|apac|au|jp|ca|sa|me|global|us-gov)\.|^[a-z]{2}(?:-gov)?-[a-z]+-\d/"
)
_FAMILIES = ("vertex_ai", "fireworks_ai", "bedrock")
_OTHERS_TOO = {"azure_ai": ("azure", "openai"), "github": None, "litellm_proxy": None}


def table_price(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """Dollars for these tokens; None for a model without a price per token."""
    entry = _entry(model)
    if entry is None:
        return None
    into, out = _rates(entry, input_tokens)
    per_request = float(entry.get("input_cost_per_request") or 0.0)
    return input_tokens * into + output_tokens * out + per_request


def _rates(entry: Mapping[str, Any], input_tokens: int) -> tuple[float, float]:
    tiers = entry.get("tiered_pricing")
    if isinstance(tiers, Sequence) and tiers:
        within = [tier for tier in tiers if tier["range"][0] <= input_tokens] or tiers[:1]
        tier = within[-1]
        return float(tier[_INPUT]), float(tier.get(_OUTPUT, entry.get(_OUTPUT, 0.0)))
    into, out = float(entry.get(_INPUT) or 0.0), float(entry.get(_OUTPUT) or 0.0)
    limits = {
        int(found[1]) * (1000 if found[2] else 1): f"_above_{found[1]}{found[2]}_tokens"
        for found in filter(None, map(_ABOVE.match, entry))
    }
    for limit in sorted(limits):
        if input_tokens > limit:
            into = float(entry.get(_INPUT + limits[limit]) or into)
            out = float(entry.get(_OUTPUT + limits[limit]) or out)
    return into, out


@lru_cache(maxsize=1024)
def _entry(model: str) -> Mapping[str, Any] | None:
    try:
        _, provider, _, _ = load_litellm().get_llm_provider(model=model)
    except Exception:  # litellm raises bare Exceptions for models it does not know
        return None
    table = _table()
    for name in _names(model, provider):
        entry: Mapping[str, Any] | None = table.get(name) or table.get(name.lower())
        if entry is not None and _is_of(entry, provider) and _is_priced(entry):
            return entry
    return None


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


def _is_priced(entry: Mapping[str, Any]) -> bool:
    return _INPUT in entry or _OUTPUT in entry or bool(entry.get("tiered_pricing"))


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    load_litellm()
    text = importlib.resources.files("litellm").joinpath(_FILE).read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return {**{name.lower(): entry for name, entry in table.items()}, **table}

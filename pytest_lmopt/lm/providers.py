"""litellm behind the seam: any provider string, no retries of its own, no download at import."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache
from typing import Any

from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.seam import Completion, Request, Usage
from pytest_lmopt.safe_text import redact

TIMEOUT_SECONDS = 120.0


@lru_cache(maxsize=1)
def load_litellm() -> Any:
    """Import litellm quietly: no download of its price table, no hints printed on errors."""
    # read not only at import but whenever litellm refreshes its table, so it stays set
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


class LiteLLM:
    """Asks a provider through litellm.

    ``endpoint`` (base URL) and ``api_key`` override the provider's environment variables;
    ``asked_as`` is the litellm model string where it differs from the request's.
    """

    def __init__(
        self,
        *,
        asked_as: str | None = None,
        endpoint: str | None = None,
        api_key: str | None = None,
    ) -> None:
        self._asked_as = asked_as
        self._where = {
            name: value
            for name, value in (("api_base", endpoint), ("api_key", api_key))
            if value is not None
        }

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises ``TransientError``, ``RefusedError`` or ``ModelError``."""
        litellm = load_litellm()
        model = self._asked_as or request.model
        failure: LmoptError | None = None
        try:
            response = await litellm.acompletion(
                model=model,
                messages=[{"role": role, "content": text} for role, text in request.messages],
                timeout=TIMEOUT_SECONDS,
                num_retries=0,
                max_retries=0,
                **self._where,
                **request.params,
            )
            text = response.choices[0].message.content
            usage = response.usage
        except Exception as error:
            failure = _translated(error, request)
        if failure is not None:
            # raised out here it drags no litellm frames along: their arguments hold the key, and
            # pytest prints the arguments of every frame in a traceback
            raise failure
        if text is None:
            raise RefusedError(
                f"{request.model} answered without text "
                f"(finish reason {response.choices[0].finish_reason!r})",
                request=request,
            )
        spent = int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)
        return Completion(
            text=text,
            usage=Usage(
                calls=1,
                input_tokens=spent[0],
                output_tokens=spent[1],
                micro_usd=price(model, *spent),
            ),
        )


def price(model: str, input_tokens: int, output_tokens: int) -> int | None:
    """Price in micro-dollars, rounded up, by litellm's table; None where it has no entry."""
    if is_local(model):
        return 0
    litellm = load_litellm()
    try:
        costs = litellm.cost_per_token(
            model=model, prompt_tokens=input_tokens, completion_tokens=output_tokens
        )
    except Exception:  # litellm raises bare Exceptions for models it does not know
        return None
    return -int(-sum(costs) * 1_000_000 // 1)


def is_local(model: str) -> bool:
    """Whether a model string names the packaged model, or a file of the user's."""
    return model == "local" or model.startswith("local:")


def _translated(error: Exception, request: Request) -> LmoptError:
    litellm = load_litellm()
    errors = litellm.exceptions
    # secrets are hidden before the text is cut: of half a key nobody can tell that it is one
    said = redact(str(error).split("\n")[0][:5000])[:500]
    refused = isinstance(error, errors.AuthenticationError | errors.PermissionDeniedError)
    if refused or _lacks_key(request.model, said):
        return ModelError(f"{_credentials(request.model)} ({said})", model=request.model)
    if isinstance(error, errors.NotFoundError):
        return ModelError(
            f"the provider knows no model {request.model!r} ({said}); check --lm-model",
            model=request.model,
        )
    if isinstance(error, errors.BadRequestError) and "LLM Provider NOT provided" in str(error):
        return ModelError(
            f"model {request.model!r} names no provider litellm knows; write it as "
            "provider/model, such as openai/gpt-4o-mini, or 'local'",
            model=request.model,
        )
    if isinstance(error, errors.BadRequestError | errors.UnprocessableEntityError):
        return RefusedError(f"{type(error).__name__}: {said}", request=request)
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or {}
    return TransientError(
        f"{type(error).__name__}: {said}",
        request=request,
        retry_after=_seconds(headers.get("retry-after")),
    )


def _lacks_key(model: str, said: str) -> bool:
    """Whether an error is about a key that is not set: some clients report it as their own."""
    about_keys = any(word in said.lower() for word in ("api_key", "api key", "credentials"))
    return about_keys and bool(_missing_keys(model))


def _missing_keys(model: str) -> list[str]:
    return list(load_litellm().validate_environment(model).get("missing_keys") or [])


def _credentials(model: str) -> str:
    missing = _missing_keys(model)
    if missing:
        return f"no key for model {model!r}: set {' and '.join(missing)}, or use --lm-model=local"
    return f"the provider of {model!r} refused the key; check it, or use --lm-model=local"


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None

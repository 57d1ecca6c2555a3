"""One model call of a client's: through the run's LM, like a prompt's.

The client gets the provider's own response. A call that may not be made is answered with the
provider's own error, since SDKs ask again after an exception; the run's stop stands in its context.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from pytest_lmopt.errors import (
    LMError,
    LmoptError,
    MissingAnswerError,
    ModelError,
    TransientError,
    UnmeteredError,
)
from pytest_lmopt.lm.dialects.identity import identity
from pytest_lmopt.lm.dialects.protocol import Body, Dialect, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.providers import model_name, provider_of, reports_unasked
from pytest_lmopt.lm.interception.sending import Sender, SendingError
from pytest_lmopt.lm.loop import answer
from pytest_lmopt.lm.money.usage import usage_of
from pytest_lmopt.lm.tracing import Call, RunContext, our_own
from pytest_lmopt.safe_text import said
from pytest_lmopt.wire import (
    DEFAULT_MAX_TOKENS,
    OCCURRENCE,
    Completion,
    Request,
    Usage,
    WholeCompletion,
    is_local,
)

_NOT_REPLAYED = frozenset(
    (
        *("content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"),
        *("set-cookie", "date", "age", "server", "via"),
    )
)
"""Headers that belong to one delivery, or to one person's session."""

_STOPPED = "the call was not made: its run has ended"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A call that a client of the pipeline makes, in one provider's dialect.

    ``client`` names the client as it names itself. ``mocked`` says that another tool answers in
    the provider's place: such an answer is not recorded.
    """

    run: RunContext
    dialect: Dialect
    http: HttpRequest
    body: Body
    client: str
    mocked: bool = False

    def stopped(self) -> HttpResponse:
        """What the client sees where its run has ended."""
        return self.dialect.refusal(_STOPPED)

    def sending(self) -> AbstractContextManager[None]:
        """Send the request: as one that is accounted for, so that no hook claims it again.

        Under replay, what stands in for the transport must not connect, as no mock does.
        """
        return nullcontext() if self.mocked and self.run.rules.replaying else our_own()

    def given_up(self) -> None:
        """Note that the client's own deadline has ended a call that had not been sent."""
        if not self.run.block.ended:
            request = Request(model=self._model, messages=self.dialect.messages(self.body))
            self.run.deadline = MissingAnswerError(
                "the pipeline's own deadline ended while a call waited for its turn, or to be "
                "sent again. Give it more time, or lower --lm-concurrency",
                request=request,
            )

    async def complete(self, sender: Sender) -> HttpResponse:
        """Answer as the provider would.

        Raises ``SendingError`` where the client is to see its own transport's exception.
        """
        run = self.run
        if run.block.ended:
            return self.stopped()
        number = run.begin()
        known: dict[str, Any] = {"inputs": {}, "outputs": {}, "text": "", "usage": Usage()}
        raised: BaseException | None = None
        try:
            request, asked = self._request(sender)
            known["request"] = request
            known["inputs"] = {"messages": [list(message) for message in request.messages]}
            completion = await answer(run.lm, asked)
            known["text"], known["usage"] = completion.text, completion.usage
            known["outputs"] = {"content": completion.text}
            known["tool_calls"] = completion.tool_calls
            if isinstance(completion, WholeCompletion):
                known["whole"] = completion.whole
            run.answered(request)
            return self._response(completion)
        except BaseException as error:
            raised = error
            if isinstance(error, LmoptError):
                return self._seen_by_client(error)
            raise
        finally:
            name = self.dialect.name
            call = Call(prompt=f"{name}:{self._model}", client=self.client, dialect=name, **known)
            run.end(number, call if raised is None else run.failed(call, raised))
            del raised  # it holds this frame, and so itself

    @cached_property
    def _model(self) -> str:
        return model_name(self.http.url, self.dialect.model(self.http, self.body))

    def _request(self, sender: Sender) -> tuple[Request, Request]:
        """The request of the call, and as it is asked; equal calls are answered independently."""
        model, other = self._model, self._other_model
        body, ask = self.body, other is None
        if other is not None and self._serves(other):
            bare = other.partition("/")[2]
            body, model, ask = {**body, "model": bare}, model_name(self.http.url, bare), True
        request = self._own(model, body) if ask or other is None else self._translated(other)
        before = self.run.occurrence(request.key)
        if before:
            request = replace(request, params={**request.params, OCCURRENCE: before})
        if not ask:
            return request, request
        asked = replace(request, ask=partial(self._ask, request, body, sender))
        vars(asked)["key"] = request.key  # computed once
        return request, asked

    @property
    def _other_model(self) -> str | None:
        """The model that answers in place of the one asked for, if any."""
        model = self.run.model
        if not self.dialect.has_chat or not model or model == self._model:
            return None
        return model if self.run.rules.offered or self.run.purpose == "run" else None

    def _serves(self, other: str) -> bool:
        """Whether the client's own provider has the model; a gateway's is its dialect's."""
        provider, slash, _ = other.partition("/")
        if self.run.rules.offered or not slash or is_local(other):
            return False
        gateway = provider_of(self.http.url) is None and provider == self.dialect.default_provider
        return gateway or provider == self._model.partition("/")[0]

    def _own(self, model: str, body: Body) -> Request:
        """The request as its client sends it."""
        rules = self.run.rules
        kept = rules.recorded_body(body) if rules.recorded_body is not None else body
        params = identity(self.dialect.name, kept, self.http, ignore=rules.key_ignore)
        return Request(
            model=model,
            messages=self.dialect.messages(params["body"]),
            params=params,
            repeat=self.run.repeat,
            limits=self.dialect.limits(body),
            recordable=not self.mocked,
            client=self.client,
            dialect=self.dialect.name,
        )

    def _translated(self, model: str) -> Request:
        """The request for another provider's model, which our engine asks."""
        try:
            params = self.dialect.chat(self.body)
        except ValueError as error:
            raise ModelError(
                f"{model!r} can't answer in place of {self._model!r}: {error}. Leave that out of "
                "the request, or name no other model",
                model=model,
            ) from error
        return Request(
            model=model,
            messages=self.dialect.messages(self.body),
            params={"max_tokens": DEFAULT_MAX_TOKENS, **params},
            repeat=self.run.repeat,
            client=self.client,
            dialect=self.dialect.name,
        )

    async def _ask(self, request: Request, body: Body, sender: Sender) -> Completion:
        """Have one attempt sent; raises ``TransientError``, ``RefusedError`` or ``ModelError``."""
        sent = body if reports_unasked(self.http.url) else self.dialect.sent(body)
        http = self.http
        if sent is not self.body:
            http = replace(http, body=json.dumps(sent, ensure_ascii=False).encode())
        try:
            response = await sender.attempt(http)
        except SendingError as error:
            if isinstance(self.run.stop, UnmeteredError):  # the connection was refused by us
                raise self.run.stop from error
            if is_transient(error.original):
                raise TransientError(str(error), request=request) from error
            raise
        if not 200 <= response.status < 300:
            problem = self.dialect.error(request, response)
            if isinstance(problem, LMError | ModelError):
                problem.answer = whole_of(response, self.dialect)
            raise problem
        try:
            answer = self.dialect.answer(body, response)
        except ValueError as error:
            raise TransientError(
                f"{self.http.url}: {error}",
                request=request,
                answer=whole_of(response, self.dialect),
            ) from error
        usage, remark = usage_of(request, answer.reported)
        return WholeCompletion(
            text=answer.text,
            tool_calls=answer.tool_calls,
            finish=answer.finish,
            usage=usage,
            usage_remark=remark,
            whole=whole_of(self.dialect.delivered(body, response), self.dialect),
        )

    def _response(self, completion: Completion) -> HttpResponse:
        if isinstance(completion, WholeCompletion):
            return response_of(completion.whole)
        return self.dialect.render(self.body, completion)

    def _seen_by_client(self, error: LmoptError) -> HttpResponse:
        """What the client sees of an error of ours: the provider's own answer where there is one.

        Raises ``SendingError`` where the client's transport raised and its SDK does not repeat.
        """
        whole = getattr(error, "answer", None)
        if whole is not None:
            given = response_of(whole)
            return replace(given, headers={**given.headers, **NO_RETRY})
        raised = _raised(error)
        if raised is None:
            return self.dialect.refusal(str(error))
        if _REPEATS not in self.http.headers:
            raise raised
        return replace(self.dialect.refusal(said(error)), status=503)


NO_RETRY = {"x-should-retry": "false"}
"""The header by which the providers' SDKs are kept from asking again."""

_REPEATS = "x-stainless-retry-count"
"""A header of SDKs that repeat requests by themselves."""


def is_transient(error: Exception) -> bool:
    """Whether a transport's exception is worth another try: a lost connection or a time-out."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "UnsupportedProtocol" in names or "LocalProtocolError" in names:
        return False
    return "TransportError" in names or isinstance(error, OSError)


def whole_of(response: HttpResponse, dialect: Dialect) -> dict[str, Any]:
    """A response as plain JSON, without the headers of one delivery."""
    try:
        body: Any = response.body.decode()
    except UnicodeDecodeError:
        body = {"base64": base64.b64encode(response.body).decode()}
    headers = {name: value for name, value in response.headers.items() if name not in _NOT_REPLAYED}
    return {"dialect": dialect.name, "status": response.status, "headers": headers, "body": body}


def response_of(whole: Mapping[str, Any]) -> HttpResponse:
    """The response that ``whole_of`` wrote."""
    body = whole["body"]
    content = body.encode() if isinstance(body, str) else base64.b64decode(body["base64"])
    return HttpResponse(status=whole["status"], headers=dict(whole["headers"]), body=content)


def _raised(error: BaseException | None) -> SendingError | None:
    """The exception of the client's transport that an error comes from."""
    while error is not None and not isinstance(error, SendingError):
        error = error.__cause__
    return error

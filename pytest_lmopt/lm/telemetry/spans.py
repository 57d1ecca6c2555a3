"""Suites, runs and LM calls as spans: a suite holds its runs, a run the calls it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.telemetry import conventions, messages
from pytest_lmopt.lm.tracing import our_own
from pytest_lmopt.wire import Completion, Request, is_local

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer


class Telemetry:
    """Begins and ends spans with ``tracer``; only with ``content`` do they hold words.

    ``flush`` sends off what is there, ``close``, which calls ``end``, what is left.
    """

    def __init__(
        self,
        tracer: Tracer,
        *,
        content: bool = False,
        flush: Callable[[], object] = lambda: None,
        end: Callable[[], object] = lambda: None,
    ) -> None:
        self._tracer = tracer
        self.content = content
        self.flush = flush
        self.close = end

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, Any],
        *,
        calling: bool = False,
        harmless: Callable[[BaseException], bool] = lambda _: False,
    ) -> Iterator[Span]:
        """A span around the block, of kind CLIENT where it is ``calling`` a service.

        An exception that is not ``harmless`` marks it as failed, by its class alone: what it says
        may quote a prompt.
        """
        from opentelemetry.trace import SpanKind, StatusCode

        opened = self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT if calling else SpanKind.INTERNAL,
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        )
        with _sent_by_us(opened) as span:
            try:
                yield span
            except BaseException as error:
                if not harmless(error):
                    span.set_attribute("error.type", type(error).__name__)
                    span.set_status(StatusCode.ERROR)
                raise

    def here(self) -> dict[str, str]:
        """The span that is open here, for other processes: W3C Trace Context's fields."""
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        fields: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(fields)
        return fields

    @contextmanager
    def below(self, fields: Mapping[str, str]) -> Iterator[None]:
        """Have the spans begun inside belong to one that is open elsewhere, as ``here`` told it."""
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        token = context.attach(TraceContextTextMapPropagator().extract(fields))
        try:
            yield
        finally:
            context.detach(token)

    def lm(self, lm: LM) -> LM:
        """The LM, with a span for each call of it."""
        return _Traced(lm, self)


@contextmanager
def _sent_by_us(opened: AbstractContextManager[Span]) -> Iterator[Span]:
    """Enter and leave a span as our own traffic: a processor may send it there and then."""
    with our_own():
        span = opened.__enter__()

    def leave(*raised: Any) -> bool | None:
        with our_own():
            return opened.__exit__(*raised)

    with ExitStack() as leaving:
        leaving.push(leave)
        yield span


class _Traced:
    """Stands before recordings and retries: one span for each call of a prompt or a client."""

    def __init__(self, lm: LM, telemetry: Telemetry) -> None:
        self._lm = lm
        self._telemetry = telemetry

    async def complete(self, request: Request) -> Completion:
        """The LM's answer."""
        about = conventions.asked(request)
        if self._telemetry.content:
            about |= messages.question(request)
        name = conventions.span_name(request)
        with self._telemetry.span(name, about, calling=not is_local(request.model)) as span:
            completion = await self._lm.complete(request)
            span.set_attributes(conventions.answered(completion))
            if self._telemetry.content:
                span.set_attributes(messages.answer(completion))
            return completion

"""Traces over OTLP/HTTP, by the standard OTEL_* variables; nothing of it is loaded where they do not ask.

One trace per ticket: its id follows from tenant and ticket, so that what is asked about a ticket tomorrow
joins what happened today, unless the caller brings a trace of its own (``traceparent``).
"""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from rollout.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanKind, Tracer

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
DISABLED: Final = "OTEL_SDK_DISABLED"
CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_NAMES: Final = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
_HTTP: Final = "http/protobuf"

_log = logging.getLogger(__name__)
_wanted_id: ContextVar[int | None] = ContextVar("trace_id_of_a_ticket", default=None)

_made: "list[Tracing]" = []

Values = Mapping[str, Any]


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces.

    Raises:
        UsageError: it asks for an exporter or protocol there is not.

    """
    exporter = environment.get(EXPORTER, "").strip().lower()
    if exporter not in ("", "none", "otlp"):
        raise UsageError(f"{EXPORTER}={exporter}: traces go out by otlp or none")
    if environment.get(DISABLED, "").strip().lower() == "true" or exporter == "none":
        return False
    asked = exporter == "otlp" or any(environment.get(name) for name in _ENDPOINTS)
    for name in _PROTOCOLS:
        if asked and environment.get(name, _HTTP).strip().lower() not in ("", _HTTP):
            raise UsageError(f"{name}={environment[name]}: traces go out by {_HTTP} only")
    return asked


def set_up(process: str, exporter: "SpanExporter | None" = None) -> "Tracing | None":
    """Traces of this process; None where nobody asks for them.

    Args:
        process: ``router`` or ``agents``; in the service's name where the environment gives none.
        exporter: where spans go instead, for tests; they are sent one by one.

    Raises:
        UsageError: they are asked for and cannot be made here.

    """
    if exporter is None and not wanted():
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise UsageError(
            "the environment asks for traces, and OpenTelemetry is not installed; install ridealong with its "
            f"extra: pip install 'ridealong[otel]', or set {EXPORTER}=none"
        ) from None
    if os.environ.get(CONTENT, "").strip().lower() not in ("", "false"):
        _log.warning("%s is set; texts are never put into traces, and stay out", CONTENT)
    told = {} if any(os.environ.get(name) for name in _NAMES) else {"service.name": f"ridealong-{process}"}
    provider = TracerProvider(resource=Resource.create(told), id_generator=_ids())
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter()) if exporter is None else SimpleSpanProcessor(exporter)
    )
    made = Tracing(provider.get_tracer("ridealong"), provider)
    _made.append(made)
    return made


def active() -> "Tracing | None":
    """The traces of this process, where somebody has set them up."""
    return _made[-1] if _made else None


def trace_id_of(tenant: str, ticket_id: str) -> int:
    """The trace of a ticket: 128 bits of a digest, so that it tells nothing and can be found again."""
    digest = hashlib.sha256(f"{tenant}\0{ticket_id}".encode()).digest()
    return int.from_bytes(digest[:16], "big") or 1


class Tracing:
    """Makes spans. One per process."""

    def __init__(self, tracer: "Tracer", provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.tracer = tracer
        self._provider = provider
        self._propagator = TraceContextTextMapPropagator()

    def close(self) -> None:
        """Send what waits and make no more."""
        self._provider.shutdown()
        if self in _made:
            _made.remove(self)

    @contextmanager
    def arriving(self, headers: Mapping[str, str]) -> Iterator[None]:
        """What happens inside belongs to the caller's trace, where the headers name one."""
        from opentelemetry import context

        token = context.attach(self._propagator.extract(headers))
        try:
            yield
        finally:
            context.detach(token)

    def leaving(self) -> dict[str, str]:
        """The headers that make another process's work part of this trace."""
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return headers

    @contextmanager
    def of_ticket(
        self, tenant: str, ticket_id: str, name: str, kind: "SpanKind", values: Values
    ) -> Iterator["Span"]:
        """A span in the ticket's own trace, unless it is part of another already."""
        token = _wanted_id.set(trace_id_of(tenant, ticket_id))
        try:
            with self.span(name, kind, values) as span:
                yield span
        finally:
            _wanted_id.reset(token)

    @contextmanager
    def span(self, name: str, kind: "SpanKind", values: Values) -> Iterator["Span"]:
        """A span around the block. An error that leaves it is told by its type, never by its words."""
        from opentelemetry.trace import Status, StatusCode

        with self.tracer.start_as_current_span(
            name, kind=kind, attributes=known(values), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise


def known(values: Values) -> dict[str, Any]:
    """Attributes without those that nobody knows; sequences of names as the protocol wants them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != ()
    }


def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class TicketIds(RandomIdGenerator):
        """Trace ids that follow from a ticket, where there is one."""

        def generate_trace_id(self) -> int:
            found = _wanted_id.get()
            return super().generate_trace_id() if found is None else found

        def is_trace_id_random(self) -> bool:
            return False

    return TicketIds()

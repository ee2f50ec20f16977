"""Traces from the HTTP call through outbox, broker and handler, and the metrics every service has."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("foyer")

HTTP_SECONDS = Histogram(
    "foyer_http_request_duration_seconds",
    "From the first byte of a request to the last of its answer",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PUBLISHED = Counter("foyer_events_published_total", "Events the broker confirmed", ("type",))
HANDLED = Counter("foyer_events_handled_total", "Events handled, by outcome", ("type", "outcome"))
HANDLING_SECONDS = Histogram(
    "foyer_event_batch_duration_seconds",
    "From taking a batch of messages to its acknowledgement",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
EVENT_AGE_SECONDS = Histogram(
    "foyer_event_age_seconds",
    "From the commit that published an event to its handler",
    ("type",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 300),
)
NOTICES_DROPPED = Counter(
    "foyer_notices_dropped_total", "Notices to the service's other processes that the broker could not take in time"
)
OUTBOX_WAITING = Gauge("foyer_outbox_waiting", "Events in the outbox at the last look of the relay")


def configure(service: str, otlp_url: str | None) -> None:
    """Set the process's tracer. Without a collector, trace ids are made and passed on, but no span is recorded."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"foyer-{service}"}),
        sampler=ParentBased(ALWAYS_ON) if otlp_url else ALWAYS_OFF,
    )
    if otlp_url:
        # Here, because without a collector no process should carry it in memory.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{otlp_url.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def current_traceparent() -> str | None:
    """The current span as a W3C `traceparent`, or None outside any."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


@contextmanager
def span(name: str, *, traceparent: str | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[None]:
    """A span named `name`, child of `traceparent` where one is given (a missing or broken one starts a new trace)."""
    parent = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=parent, kind=kind):
        yield


__all__ = ["SpanKind", "configure", "current_traceparent", "span", "trace_id"]

"""Logs as JSON lines, metrics in them, and traces for X-Ray.

Traces go by OTLP to the CloudWatch agent on this server, which passes them on to X-Ray. They are made by OpenTelemetry,
because the X-Ray SDKs are in maintenance mode since February 2026.
https://docs.aws.amazon.com/xray/latest/devguide/xray-sdk-daemon-timeline.html
"""

from __future__ import annotations

import logging.config
import os
import re
import time
import uuid

from flask import Flask, Response, g, has_request_context, request
from opentelemetry import trace as tracing
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from sqlalchemy import Engine

AGENT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVICE, DEFAULT_SERVICE = "OTEL_SERVICE_NAME", "shop"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "shop.telemetry.RequestFilter"}},
    "formatters": {
        "json": {
            "()": "shop.metrics.Formatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        }
    },
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
            "filters": ["request"],
        }
    },
    "root": {"level": "INFO", "handlers": ["stdout"]},
    "loggers": {
        "botocore": {"level": "WARNING"},
        "gunicorn.error": {"level": "INFO", "propagate": True, "handlers": []},
    },
}


class TraceIds(AwsXRayIdGenerator):
    """Take over the trace id that the load balancer has given to a request.

    It names no parent, because it records nothing itself; the propagator wants one, and leaves such a header alone.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
    """

    def generate_trace_id(self) -> int:
        header = request.headers.get("X-Amzn-Trace-Id", "") if has_request_context() else ""
        found = re.search(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)", header)
        return int("".join(found.groups()), 16) if found else super().generate_trace_id()


class RequestFilter(logging.Filter):
    """Add to each line which request and which trace it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context():
            record.request_id = g.get("request_id")
        context = tracing.get_current_span().get_span_context()
        if context.is_valid:
            trace_id = tracing.format_trace_id(context.trace_id)
            record.trace_id = f"1-{trace_id[:8]}-{trace_id[8:]}"  # as X-Ray writes it
        return True


def log_to_stdout() -> None:
    logging.config.dictConfig(LOGGING)


def log_requests(app: Flask) -> None:
    """Log every request but health checks, under the id that nginx gave it."""

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        g.request_id = request.headers.get("X-Request-Id") or uuid.uuid4().hex

    @app.after_request
    def end(response: Response) -> Response:
        if request.path != "/healthz":
            facts = {"method": request.method, "path": request.path, "status": response.status_code}
            duration = round((time.perf_counter() - g.started) * 1000, 1)
            metrics = {"Requests": 1, "Faults": int(response.status_code >= 500), "Duration": duration}
            app.logger.info("request", extra={**facts, "metrics": metrics})
        return response


def trace(app: Flask, environment_name: str) -> None:
    """Send a trace of each request to the agent, where there is one, continuing what the load balancer began."""
    if not os.environ.get(AGENT):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.propagate import set_global_textmap
    from opentelemetry.propagators.aws import AwsXRayPropagator
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = os.environ.get(SERVICE, DEFAULT_SERVICE)
    resource = Resource.create({"service.name": service, "deployment.environment.name": environment_name})
    provider = TracerProvider(resource=resource, id_generator=TraceIds())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=2)))
    tracing.set_tracer_provider(provider)
    set_global_textmap(AwsXRayPropagator())
    BotocoreInstrumentor().instrument()
    FlaskInstrumentor().instrument_app(app, excluded_urls="healthz")


def traced(engine: Engine) -> Engine:
    """Return the engine with its statements in the traces, where there are any."""
    if os.environ.get(AGENT):
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

        SQLAlchemyInstrumentor().instrument(engine=engine)
    return engine

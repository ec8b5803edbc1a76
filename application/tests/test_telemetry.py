"""Logs that can be searched, and traces that continue what the load balancer began."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from surroundings import Platform, Server

ROOT_OF_TRACE = "1-67891233-abcdef012345678912345678"
TRACE_ID = bytes.fromhex("67891233abcdef012345678912345678")


def test_d11_each_request_is_one_line_of_json_under_its_id(server: Server) -> None:
    server.ask("GET", "/api/products/2", X_Request_Id="the-one")
    server.ask("GET", "/healthz", X_Request_Id="a-health-check")
    (line,) = (each for each in server.log_lines() if each.get("request_id") == "the-one")
    assert {"level": "INFO", "method": "GET", "path": "/api/products/2", "status": 200}.items() <= line.items()
    assert line["Duration"] > 0
    assert not any(each.get("request_id") == "a-health-check" for each in server.log_lines())


def test_d11_a_request_is_traced_through_the_services_it_uses(platform: Platform) -> None:
    with collector() as (endpoint, received):
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        variables |= {"OTEL_SERVICE_NAME": "web-platform-dev"}
        with platform.server(**variables) as server:
            server.ask("GET", "/api/products", X_Amzn_Trace_Id=f"Root={ROOT_OF_TRACE}")
            server.ask("GET", "/api/cart", Cookie="session=x", X_Amzn_Trace_Id=f"Root={ROOT_OF_TRACE}")
        # Stopped: whatever was to be sent has been sent.
        path, spans = received.get_nowait()
        while not received.empty():
            spans += received.get_nowait()[1]
        lines = [each for each in server.log_lines() if each["message"] == "request"]
    assert path == "/v1/traces"
    for part in (TRACE_ID, b"GET /api/products", b"SELECT", b"DynamoDB", b"service.name", b"web-platform-dev"):
        assert part in spans, part
    assert [each["trace_id"] for each in lines] == [ROOT_OF_TRACE] * 2


def test_d11_as_many_requests_are_traced_as_the_sampler_is_told(platform: Platform) -> None:
    """A trace that the load balancer began is of ten requests or of none, and every server decides alike."""
    sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
    taken, left = f"{'0' * 16}00000001", f"{'f' * 24}"
    with collector() as (endpoint, received):
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50", **sampler}
        with platform.server(**variables) as server:
            for trace in (taken, left):
                server.ask("GET", "/api/products", X_Amzn_Trace_Id=f"Root=1-67891233-{trace}")
        spans = b""
        while not received.empty():
            spans += received.get_nowait()[1]
    assert bytes.fromhex(f"67891233{taken}") in spans
    assert bytes.fromhex(f"67891233{left}") not in spans


def test_d11_an_agent_that_does_not_answer_harms_nobody(platform: Platform) -> None:
    with platform.server(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as server:
        assert server.ask("GET", "/api/products").status == 200


@contextmanager
def collector() -> Iterator[tuple[str, Queue[tuple[str, bytes]]]]:
    """Run what takes traces, as the CloudWatch agent does; give its address and what it has received."""
    received: Queue[tuple[str, bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test says what matters."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()

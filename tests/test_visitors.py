"""Visitors' figures are right, their tools end with them, and a run that loses a request says so."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.rehearsal.certificates import Authority
from generator.rehearsal.tls_front import Endpoint, TlsFront
from generator.reports.generated_section import with_section
from tests.visitors import __main__ as command_line
from tests.visitors import load, pages, tools
from tests.visitors.load import Measured, measure
from tests.visitors.measurements import Attempt, Events, lost, markdown, never_retried, percentile, phases, slices
from tests.visitors.pages import summary
from tests.visitors.site import Site
from tests.visitors.visits import POLICIES, Visit

EVENTS = Events(begun=0.0, killed=10.0, noticed=12.0, returned=20.0, ended=40.0)


def attempt(at: float = 1.0, seconds: float = 0.1, error: str = "", number: int = 1) -> Attempt:
    return Attempt(at, seconds, "GET /", 502 if error else 200, error, number)


def steady(begin: float, end: float) -> list[Attempt]:
    """Ten requests a second, of which one in ten takes longer."""
    return [attempt(begin + n / 10, 0.09 if n % 10 == 9 else 0.02) for n in range(int((end - begin) * 10))]


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_nothing_measured_has_no_percentile() -> None:
    assert math.isnan(percentile([], 50))


def test_a_phase_has_the_attempts_that_ended_in_it() -> None:
    """One that was under way when the server was killed suffered from the loss."""
    under_way = attempt(9.95, 0.1, "502 Bad Gateway")
    before, during, after = phases([*steady(0, 9), under_way, *steady(10, 20), *steady(20, 39)], EVENTS)
    assert (before.requests, before.failed_first, before.error_rate) == (90, 0, 0)
    assert (during.requests, during.failed_first) == (101, 1)
    assert (after.requests, after.rate) == (190, 9.5)
    assert before.latencies == (0.02, 0.09, 0.09)


def test_slices_begin_with_the_loss_and_cover_the_run_but_for_the_rests_at_its_ends() -> None:
    attempts = steady(0, 40)
    found = slices(attempts, EVENTS, 4.0)
    assert [each.name for each in found] == ["-8", "-4", "0", "4", "8", "12", "16", "20", "24"]
    assert sum(each.requests for each in found) == sum(2 <= each.at + each.seconds < 38 for each in attempts)


def test_a_retry_is_no_request_of_its_own() -> None:
    [before, *_] = phases([attempt(1, error="502"), attempt(2, number=2)], EVENTS)
    assert (before.requests, before.failed_first, before.failed_after_retry) == (1, 1, 0)


@pytest.mark.parametrize(
    ("attempts", "complaints"),
    [
        ([attempt()], []),
        ([attempt(error="502"), attempt(number=2)], []),
        ([attempt(error="502"), attempt(error="503", number=2)], ["1 requests failed after one retry", "  GET /: 503"]),
        ([attempt(error="502")], ["1 failed requests were not retried"]),
    ],
)
def test_what_a_visitor_would_have_seen_is_complained_of(attempts: list[Attempt], complaints: list[str]) -> None:
    assert Measured(attempts, EVENTS).complaints == complaints
    assert bool(lost(attempts) or never_retried(attempts)) == bool(complaints)


def test_the_table_has_ratios_and_says_of_what() -> None:
    slower = [Attempt(a.at + 10, a.seconds * 2, a.what, a.status, a.error, a.number) for a in steady(0, 9)]
    text = markdown(phases([*steady(0, 9), *slower, *steady(20, 39)], EVENTS), "4 cores")
    assert "| before | 90 | 1.00 | 1.0 | 4.5 | 4.5 | 0 (0.0%) | 0 |" in text
    assert "| during | 90 | 1.00 | 2.0 | 9.0 | 9.0 | 0 (0.0%) | 0 |" in text
    assert "latencies of the median of 20 ms before it, on 4 cores" in text.replace("\n", " ")


@pytest.fixture
def this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let tools run in the interpreter of the tests, and find modules in a folder, which is returned."""
    monkeypatch.setattr(tools, "PYTHON", Path(sys.executable))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_tool_gets_its_job_and_answers(this_python: Path) -> None:
    assert tools.run("json.tool", {"site": ["a", "b"]}) == {"site": ["a", "b"]}


def test_a_tool_that_fails_is_an_error(this_python: Path) -> None:
    (this_python / "failing.py").write_text("raise SystemExit(3)")
    with pytest.raises(UserError, match="failing ended with code 3"):
        tools.run("failing", {})


def test_without_its_environment_a_tool_says_what_makes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "PYTHON", tmp_path / "python")
    with pytest.raises(UserError, match="run make load or make pages"):
        tools.run("json.tool", {})


STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import time; print('up', flush=True); time.sleep(20); print('still here', flush=True)"
subprocess.run([sys.executable, "-c", child])
"""


def test_a_tool_ends_with_its_block_and_its_children_with_it(
    this_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "GRACE_SECONDS", 0.1)
    (this_python / "stubborn.py").write_text(STUBBORN)
    with tools.started("stubborn", {}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        output = os.dup(process.stdout.fileno())
    assert process.returncode == -signal.SIGKILL
    # A pipe ends when the last of those who could write to it has ended.
    with os.fdopen(output) as rest:
        assert rest.read() == ""


SHOPPERS = """
import json, sys, time
job = json.loads(sys.stdin.readline())
def met(**what):
    now = {"at": time.time(), "seconds": 0.001, "what": "GET /", "status": 200, "error": "", "number": 1}
    print(json.dumps(now | what), flush=True)
for line in sys.stdin:
    for _ in range(job["shoppers"]):
        met()
met(error="502")
met(number=2, error=ERROR)
sys.exit(CODE)
"""


@dataclass
class ScriptedGround:
    """A platform whose load balancer notices a loss after as many health checks as it says, and replaces after more."""

    site: Site = Site("https://shop.invalid", "https://shop.invalid", {}, "")
    unhealthy_after: int = 3
    checks_since_loss: int | None = None
    log: list[str] = field(default_factory=list)

    def kill(self) -> None:
        self.log.append("killed")
        self.checks_since_loss = 0

    def check_health(self) -> None:
        self.log.append("checked")
        if self.checks_since_loss is not None:
            self.checks_since_loss += 1

    def noticed(self) -> bool:
        return (self.checks_since_loss or 0) >= self.unhealthy_after

    def replaced(self) -> bool:
        return (self.checks_since_loss or 0) >= 2 * self.unhealthy_after


@pytest.fixture
def shoppers(this_python: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let shoppers of a simple kind in, who meet the error given at a retry."""
    monkeypatch.setattr(load, "SHOPPERS_TOOL", "simple_shoppers")
    monkeypatch.setattr(load, "CHECK_SECONDS", 0.001)

    def enter(error: str = "", code: int = 0, text: str = SHOPPERS) -> None:
        script = text.replace("ERROR", json.dumps(error)).replace("CODE", str(code))
        (this_python / "simple_shoppers.py").write_text(script)

    return enter


def test_a_run_measures_before_the_loss_during_it_and_after_it(shoppers: Callable[..., None]) -> None:
    shoppers()
    ground = ScriptedGround()
    measured = measure(ground, lambda line: None)
    assert ground.log.count("killed") == 1
    loss = ground.log.index("killed")
    assert loss > 0
    assert len(ground.log) - loss > 2 * ground.unhealthy_after
    events = measured.events
    assert events.begun < events.killed < events.noticed < events.returned < events.ended
    assert len(measured.attempts) > load.WARM_UP + load.BEFORE + load.AFTER
    assert all(phase.requests for phase in measured.phases)
    assert measured.complaints == []


def test_a_run_complains_of_a_retry_that_failed(shoppers: Callable[..., None]) -> None:
    shoppers(error="503 after all")
    assert measure(ScriptedGround(), lambda line: None).complaints == [
        "1 requests failed after one retry",
        "  GET /: 503 after all",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SHOPPERS, "the shoppers ended with code 4"),
        ("raise SystemExit(CODE)", "stopped after 0 requests .* waiting for 200 more"),
    ],
)
def test_shoppers_who_break_down_end_the_run(shoppers: Callable[..., None], text: str, message: str) -> None:
    shoppers(code=4, text=text)
    with pytest.raises(UserError, match=message):
        measure(ScriptedGround(), lambda line: None)


CLOUDFRONT = {"x-amz-cf-id": "1"}
HEADERS = CLOUDFRONT | dict.fromkeys(POLICIES, "set")
SECURE = {"protocol": "TLS 1.3"}


def visit(expected: int = 200) -> Visit:
    return Visit("home", "https://shop.example.com/", expected)


def test_a_page_that_is_fine_has_no_problems() -> None:
    page = visit()
    page.document(200, HEADERS, SECURE)
    page.answered("https://shop.example.com/", 200, CLOUDFRONT)
    page.said("log", "hello", "https://shop.example.com/")
    assert (page.problems, page.answers, page.from_cloudfront, page.tls) == ([], 1, 1, "TLS 1.3")


def test_a_page_that_should_not_be_found_may_say_so_and_nothing_else() -> None:
    page = visit(404)
    page.document(404, HEADERS, SECURE)
    page.answered(page.url, 404, CLOUDFRONT)
    page.said("error", "not found", page.url)
    assert page.problems == []
    page.answered(f"{page.url}assets/shop.css", 404, CLOUDFRONT)
    page.said("error", "not found", f"{page.url}assets/shop.css")
    assert page.problems == ["status 404: https://shop.example.com/assets/shop.css", "console: not found"]


@pytest.mark.parametrize("header", POLICIES)
def test_a_page_without_a_security_header_is_amiss(header: str) -> None:
    page = visit()
    page.document(200, HEADERS | {header: ""}, SECURE)
    assert page.problems == [f"no header {header}"]


@pytest.mark.parametrize(
    ("happens", "problem"),
    [
        (lambda page: page.document(404, HEADERS, SECURE), "status 404 instead of 200"),
        (lambda page: page.document(200, HEADERS, {"protocol": "TLS 1.1"}), "protocol TLS 1.1"),
        (lambda page: page.document(200, HEADERS, {}), "protocol without TLS"),
        (lambda page: page.answered("https://a/b.js", 200, {}), "not answered by CloudFront: https://a/b.js"),
        (lambda page: page.answered("https://a/b.js", 503, CLOUDFRONT), "status 503: https://a/b.js"),
        (
            lambda page: page.said("error", "undefined is not a function", page.url),
            "console: undefined is not a function",
        ),
        (lambda page: page.said("warning", "deprecated", page.url), "console: deprecated"),
    ],
)
def test_whatever_is_amiss_is_a_problem(happens: Callable[[Visit], None], problem: str) -> None:
    page = visit()
    happens(page)
    assert page.problems == [problem]
    assert problem in summary([page])


def test_without_a_browser_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get install chromium"):
        pages.look(Site("https://shop.example.com", "", {"shop.example.com": 1}, ""), tmp_path)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[TlsFront]:
    """A server that speaks TLS for the shop, with a certificate of an authority."""
    name, authority = "shop.example.com", Authority()
    endpoint = Endpoint([name], name, authority.issue([name]), authority.certificate, ["TLSv1.3"])
    front = TlsFront(endpoint, tmp_path / "front", "127.0.0.1:9")
    front.start()
    yield front
    front.stop()


def site_behind(front: TlsFront, trusted: str, folder: Path) -> Site:
    file = folder / "trusted.pem"
    file.write_text(trusted)
    return Site("https://shop.example.com", "", {"shop.example.com": front.port}, str(file))


def test_the_browser_is_told_of_the_very_key_that_was_verified(front: TlsFront, tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(front.endpoint.certificate.certificate.encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    expected = base64.b64encode(hashlib.sha256(key).digest()).decode()
    assert pages.key_of(site_behind(front, front.endpoint.trusted, tmp_path)) == expected


def test_the_browser_is_told_of_no_key_that_nobody_vouches_for(front: TlsFront, tmp_path: Path) -> None:
    site = site_behind(front, Authority().certificate, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        pages.key_of(site)


def test_the_page_has_a_place_for_the_figures() -> None:
    """Else a run of minutes would end with an error."""
    page = (Path(__file__).parents[1] / command_line.LOAD_PAGE).read_text(encoding="utf-8")
    assert "some figures" in with_section(page, command_line.LOAD_SECTION, "some figures")


@pytest.mark.parametrize("page", ["docs/load.md", "docs/pages.md"])
def test_every_picture_of_a_page_is_there(page: str) -> None:
    file = Path(__file__).parents[1] / page
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", file.read_text(encoding="utf-8"))
    assert pictures
    assert [picture for picture in pictures if not (file.parent / picture).is_file()] == []


INTERRUPTED_AT_WORK = """
from tests.visitors import __main__ as command_line

def work():
    raise KeyboardInterrupt

command_line.rehearsed.for_load = work
command_line.main(["load"])
"""


def test_an_interrupt_ends_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_AT_WORK)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(Path(__file__).parents[1])))}
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


def test_who_asks_for_no_visit_is_told_of_them() -> None:
    command = [sys.executable, "-m", "tests.visitors"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "load,pages" in done.stderr

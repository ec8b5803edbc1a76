"""A load balancer of the emulator reaches the instances behind it, and says how healthy they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import urllib3
from conftest import Account

from generator.rehearsal import emulator_targets
from generator.rehearsal.certificates import self_signed
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_instances import Health, Targets, attend, leave, write_targets
from generator.rehearsal.running_programs import free_port

HEALTHY, UNHEALTHY = Health("healthy"), Health("unhealthy", "Target.Timeout", "Request timed out")


class Server:
    """A web server that says its name, the method and body that it got, and two cookies."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                said = f"{name} {self.command} {self.path} {self.headers['X-Forwarded-Proto']} ".encode() + content
                self.send_response(201)
                self.send_header("Content-Length", str(len(said)))
                self.send_header("Set-Cookie", "a=1")
                self.send_header("Set-Cookie", "b=2")
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if folder is not None:
            import ssl

            self_signed(name).write(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "server.crt", folder / "server.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = ("127.0.0.1", int(self.server.server_address[1]))
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


class Balancer:
    """A load balancer with two targets, which are instances of this test."""

    def __init__(self, emulator: Emulator, protocol: str) -> None:
        self.emulator = emulator
        self.account = Account(emulator, f"6{time.time_ns() % 10**11:011d}")
        elb, ec2 = self.account.client("elbv2"), self.account.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)]
        made = elb.create_load_balancer(Name="balancer", Subnets=subnets)["LoadBalancers"][0]
        group = elb.create_target_group(Name="targets", Protocol=protocol, Port=443, VpcId=vpc)["TargetGroups"][0]
        self.name, self.group = made["DNSName"], group["TargetGroupArn"]
        elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": "i-1"}, {"Id": "i-2"}])

    def knows(self, addresses: dict[str, tuple[str, int]], **health: Health) -> None:
        found = {name.replace("_", "-"): each for name, each in health.items()}
        write_targets(self.emulator.directory, Targets(addresses, {self.group: found}))

    def ask(self, method: str = "GET", path: str = "/a?b=c", body: str = "") -> urllib3.BaseHTTPResponse:
        url = f"{self.emulator.endpoint_url}{path}"
        return urllib3.request(method, url, headers={"Host": self.name}, body=body.encode() or None, retries=False)

    def states(self) -> dict[str, tuple[str, ...]]:
        found = self.account.client("elbv2").describe_target_health(TargetGroupArn=self.group)
        return {
            each["Target"]["Id"]: tuple(each["TargetHealth"].values()) for each in found["TargetHealthDescriptions"]
        }


@pytest.fixture
def balancer(emulator: Emulator) -> Iterator[Balancer]:
    made = Balancer(emulator, "HTTP")
    attend(emulator.directory, [made.account.account_id])
    yield made
    leave(emulator.directory)


@pytest.fixture
def servers() -> Iterator[dict[str, tuple[str, int]]]:
    made = [Server("one"), Server("two")]
    yield {"i-1": made[0].address, "i-2": made[1].address}
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def test_requests_go_to_healthy_targets_in_turn(balancer: Balancer, servers: dict[str, tuple[str, int]]) -> None:
    balancer.knows(servers, i_1=HEALTHY, i_2=HEALTHY)
    answers = [balancer.ask().data.decode().split()[0] for _ in range(4)]
    assert sorted(answers) == ["one", "one", "two", "two"]
    assert answers[:2] == answers[2:]
    balancer.knows(servers, i_1=UNHEALTHY, i_2=HEALTHY)
    assert {balancer.ask().data.decode().split()[0] for _ in range(4)} == {"two"}


def test_it_fails_open(balancer: Balancer, servers: dict[str, tuple[str, int]]) -> None:
    balancer.knows(servers, i_1=UNHEALTHY, i_2=UNHEALTHY)
    assert {balancer.ask().data.decode().split()[0] for _ in range(4)} == {"one", "two"}


def test_all_of_a_request_and_of_its_answer_is_passed_on(
    balancer: Balancer, servers: dict[str, tuple[str, int]]
) -> None:
    balancer.knows(servers, i_1=HEALTHY)
    answer = balancer.ask("POST", "/a%20b?c=d%26e", "content")
    assert (answer.status, answer.data.decode()) == (201, "one POST /a%20b?c=d%26e http content")
    assert answer.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_targets_are_spoken_to_in_the_protocol_of_their_group(emulator: Emulator, tmp_path: Path) -> None:
    made, server = Balancer(emulator, "HTTPS"), Server("secret", tmp_path)
    attend(emulator.directory, [made.account.account_id])
    try:
        made.knows({"i-1": server.address}, i_1=HEALTHY)
        assert made.ask().data.decode() == "secret GET /a?b=c http "
    finally:
        leave(emulator.directory)
        server.server.shutdown()
        server.server.server_close()


@pytest.mark.parametrize("addresses", [{}, {"i-1": ("127.0.0.1", free_port())}])
def test_a_target_that_does_not_answer_is_a_bad_gateway(
    balancer: Balancer, addresses: dict[str, tuple[str, int]]
) -> None:
    balancer.knows(addresses, i_1=HEALTHY)
    answer = balancer.ask()
    assert answer.status == 502
    assert "502 Bad Gateway" in answer.data.decode()


def test_without_targets_the_service_is_unavailable(balancer: Balancer) -> None:
    elb = balancer.account.client("elbv2")
    elb.deregister_targets(TargetGroupArn=balancer.group, Targets=[{"Id": "i-1"}, {"Id": "i-2"}])
    assert balancer.ask().status == 503


def test_health_is_what_the_checks_found(balancer: Balancer) -> None:
    balancer.knows({}, i_1=UNHEALTHY)
    assert balancer.states() == {
        "i-1": ("unhealthy", "Target.Timeout", "Request timed out"),
        "i-2": ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress"),
    }


def test_where_nobody_attends_all_targets_count_as_healthy(emulator: Emulator) -> None:
    made = Balancer(emulator, "HTTP")
    assert made.states() == {"i-1": ("healthy",), "i-2": ("healthy",)}


def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    service = import_module("ministack.services.alb")
    monkeypatch.setattr(service, "_forward_to_tg", lambda renamed: None)
    with pytest.raises(PatchError, match="_forward_to_tg takes"):
        emulator_targets.targets_that_answer()
    monkeypatch.setattr(service, "_ACTION_MAP", {})
    with pytest.raises(PatchError, match="has no action DescribeTargetHealth"):
        emulator_targets.health_of_targets()

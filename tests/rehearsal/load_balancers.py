"""A load balancer in an account of its own, and web servers behind it, for tests of the emulator."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3
from conftest import Account

from generator.rehearsal.certificates import self_signed
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_instances import Health, Targets, write_targets

HEALTHY, UNHEALTHY = Health("healthy"), Health("unhealthy", "Target.Timeout", "Request timed out")
NAME = "balancer"


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

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Balancer:
    """A load balancer with one target group, and two targets in it, which are instances of a test."""

    def __init__(self, emulator: Emulator, protocol: str) -> None:
        self.emulator = emulator
        self.account = Account(emulator, f"6{time.time_ns() % 10**11:011d}")
        self.elb, ec2 = self.account.client("elbv2"), self.account.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self._subnet(ec2, number) for number in (1, 2)]
        made = self.elb.create_load_balancer(Name=NAME, Subnets=self.subnets)["LoadBalancers"][0]
        self.name, self.group = made["DNSName"], self.new_group("targets", protocol)
        self.listener = self.elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )["Listeners"][0]["ListenerArn"]
        self.register(self.group, "i-1", "i-2")

    def _subnet(self, ec2: Any, number: int) -> str:
        return str(ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"])

    def new_group(self, name: str, protocol: str = "HTTP", target_type: str = "instance") -> str:
        made = self.elb.create_target_group(
            Name=name, Protocol=protocol, Port=443, VpcId=self.vpc, TargetType=target_type
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def register(self, group: str, *target_ids: str) -> None:
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": each} for each in target_ids])

    def knows(self, addresses: Mapping[str, tuple[str, int]], **health: Health) -> None:
        """Tell the emulator where targets of the first group answer, and how healthy they are."""
        found = {name.replace("_", "-"): each for name, each in health.items()}
        write_targets(self.emulator.directory, Targets(dict(addresses), {self.group: found}))

    def has_healthy(self, addresses: Mapping[str, tuple[str, int]], groups: Mapping[str, Collection[str]]) -> None:
        """Tell the emulator where targets answer, and that those of some groups are healthy."""
        health = {group: dict.fromkeys(targets, HEALTHY) for group, targets in groups.items()}
        write_targets(self.emulator.directory, Targets(dict(addresses), health))

    def ask(
        self, method: str = "GET", path: str = "/a?b=c", body: str = "", **headers: str
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.emulator.endpoint_url}{path}"
        sent = {"Host": self.name, **headers}
        return urllib3.request(method, url, headers=sent, body=body.encode() or None, retries=False)

    def answers(self, count: int, **headers: str) -> list[str]:
        """Return the names of the servers that answered so many requests."""
        return [self.ask(**headers).data.decode().split()[0] for _ in range(count)]

    def states(self) -> dict[str, tuple[str, ...]]:
        found = self.elb.describe_target_health(TargetGroupArn=self.group)
        return {
            each["Target"]["Id"]: tuple(each["TargetHealth"].values()) for each in found["TargetHealthDescriptions"]
        }

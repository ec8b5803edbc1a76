"""What takes more than one request: sessions and servers that are lost, revalidation, TLS, and settings read back."""

from __future__ import annotations

import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.delivery.deploy import Deployment
from generator.regions import EDGE_REGION
from generator.rehearsal.attendant import Instance
from generator.rehearsal.container_attendant import Task
from generator.rehearsal.health_checks import HEALTHY, UNHEALTHY
from generator.rehearsal.requests_client import Answer, Client, NoAnswerError
from generator.rehearsal.requests_table import Names, Row
from generator.rehearsal.running_programs import HOST
from generator.rehearsal.target_requests import ask_target
from generator.rehearsal.tls_front import TlsFronts, speaks
from generator.rehearsal.workload import MOST_ROUNDS, Workload

REQUESTS_BETWEEN_CHECKS = 4
SERVER_ERROR = 500
POLL_SECONDS = 0.02
LOGGED_WITHIN_SECONDS = 30.0
"""How long to look for a request in the logs: nginx writes it down after it has answered, when it comes to it."""

JSON = {"Content-Type": "application/json"}
VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
WEB_ACL_RULES = "RequestsOfAnAddress, AmazonIpReputationList, KnownBadInputsRuleSet, CommonRuleSet, SQLiRuleSet"


@dataclass(frozen=True)
class LiveEnvironment:
    """A deployed environment with its released application, as its visitors see it."""

    names: Names
    client: Client
    fronts: TlsFronts
    workload: Workload
    account_id: str
    service: Callable[..., Any]
    """Returns the client of a service, in the environment's region or another one."""

    change: Callable[[Mapping[str, str]], Deployment]
    """Deploys the same release with some settings changed."""

    image: Callable[[str], str]
    """Returns another image of the application by its name (`container_releases`)."""

    @property
    def instances(self) -> list[Instance]:
        return self.workload.instances(self.account_id)

    @property
    def tasks(self) -> list[Task]:
        return self.workload.tasks(self.account_id)

    def answered_by(self, request_id: str) -> Instance | None:
        """Return the instance that answered a request, by the id that nginx gave it; nothing where none did."""
        deadline = time.monotonic() + LOGGED_WITHIN_SECONDS
        while request_id and time.monotonic() < deadline:
            for each in self.instances:
                if each.server.has_answered(request_id):
                    return each
            time.sleep(POLL_SECONDS)
        return None

    def url(self, name: str, path: str) -> str:
        return self.names.filled(f"https://{{{name}}}{path}")


Rows = Iterator[Row]
Scenario = Callable[[LiveEnvironment], Rows]


def revalidation(environment: LiveEnvironment) -> Rows:
    """Who has a page already is told that it is still good, in an answer without a body (D4)."""
    for name in dict.fromkeys(("application", "website")):
        line = f"GET https://{{{name}}}/ with If-None-Match"
        page = environment.client.send("GET", environment.url(name, "/"))
        again = environment.client.send("GET", environment.url(name, "/"), {"If-None-Match": page.fact("etag")})
        actual = f"{again.status}, {len(again.content)} bytes"
        yield environment.names.row("D4", "a page that has not changed", line, "304, 0 bytes", actual)


def tls_versions(environment: LiveEnvironment) -> Rows:
    """TLS 1.2 and 1.3 and nothing older, at the load balancer and at each web server (W4)."""
    expected = "refused: 1.0, 1.1; accepted: 1.2, 1.3"
    front = environment.fronts.of(environment.names.values["origin"])
    line = "handshakes with {origin}"
    yield environment.names.row("W4", "TLS at the load balancer", line, expected, _spoken(front.port))
    if environment.names.values["website"] == environment.names.values["domain"]:
        front = environment.fronts.of(environment.names.values["website"])
        line = "handshakes with {website}"
        yield environment.names.row("W4", "TLS at CloudFront", line, expected, _spoken(front.port))
    for each in environment.instances:
        if each.server.protocol == "HTTPS":
            line = "handshakes with nginx on a web server"
            yield environment.names.row("W4", "TLS at a web server", line, expected, _spoken(each.server.port))
            status = str(ask_target("HTTP", (HOST, each.server.port), "GET", "/healthz").status)
            line = "GET http://<web server>:443/healthz"
            yield environment.names.row("W4", "no HTTP where a web server expects HTTPS", line, "400", status)


def _spoken(port: int) -> str:
    with warnings.catch_warnings():
        # Old versions are offered on purpose.
        warnings.simplefilter("ignore", DeprecationWarning)
        accepted = {name: speaks(port, version) for name, version in VERSIONS.items()}
    refused = ", ".join(name for name, spoken in accepted.items() if not spoken)
    return f"refused: {refused}; accepted: {', '.join(name for name, spoken in accepted.items() if spoken)}"


def settings_read_back(environment: LiveEnvironment) -> Rows:
    """What no request shows: the rules of the web ACLs, and the TLS policy (D8, W4)."""
    elb = environment.service("elbv2")
    name = environment.names.values["load_balancer"]
    [balancer] = [b for b in elb.describe_load_balancers()["LoadBalancers"] if b["DNSName"].lower() == name]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    policy = next(each["SslPolicy"] for each in listeners if each["Protocol"] == "HTTPS")
    line, expected = "elbv2:DescribeListeners of {load_balancer}", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    yield environment.names.row("W4", "TLS policy of the load balancer", line, expected, policy)
    acl = environment.service("wafv2").get_web_acl_for_resource(ResourceArn=balancer["LoadBalancerArn"])
    line = "wafv2:GetWebACLForResource of {load_balancer}"
    rules = _rules(acl.get("WebACL", {}))
    yield environment.names.row("D8", "web ACL of the load balancer", line, WEB_ACL_RULES, rules)
    distribution = environment.service("cloudfront").get_distribution(Id=environment.names.values["distribution"])
    arn = distribution["Distribution"]["DistributionConfig"]["WebACLId"]
    _, _, path = arn.partition(":global/webacl/")
    acl_name, _, acl_id = path.partition("/")
    found = environment.service("wafv2", EDGE_REGION).get_web_acl(Name=acl_name, Id=acl_id, Scope="CLOUDFRONT")
    line = "wafv2:GetWebACL of the distribution's WebACLId"
    yield environment.names.row("D8", "web ACL of the distribution", line, WEB_ACL_RULES, _rules(found["WebACL"]))


def _rules(acl: Any) -> str:
    return ", ".join(each["Name"] for each in sorted(acl.get("Rules", ()), key=lambda rule: rule["Priority"]))


def lost_server(environment: LiveEnvironment) -> Rows:
    """A web server dies: sessions live on, no request fails that is tried once more, and another takes its place (W7).

    Environments with one server have nobody who would answer meanwhile; there the rows are missing.
    """
    before = environment.instances
    if len(before) < 2:
        return
    visitor = Visitor(environment)
    line = "PUT https://{application}/api/cart; kill its server; GET https://{application}/api/cart"
    claim = ("E10", "a session outlives its server", line, 'quantities {"1":2}, from another server')
    try:
        writer = visitor.fill_cart()
    except NoAnswerError as error:
        yield environment.names.row(*claim, str(error))
        return
    writer.server.kill()
    cart, reader = visitor.read_cart(), visitor.answered_by
    whose = "no known" if reader is None else "the same" if reader is writer else "another"
    yield environment.names.row(*claim, f"{cart}, from {whose} server")
    rounds = 0
    while not _is_out(environment, writer) and rounds < MOST_ROUNDS:
        environment.workload.check_health(environment.account_id)
        rounds += 1
        visitor.browse()
    health = environment.workload.health(writer)
    actual = f"{health.state} after {rounds} checks: {health.reason}" if health else "not registered"
    expected = "unhealthy after 2 checks: Target.FailedHealthChecks"
    line = "health checks of a killed web server"
    yield environment.names.row("W6", "a dead web server leaves the target group", line, expected, actual)
    gone = environment.workload.replace_unhealthy(environment.account_id)
    visitor.browse()
    environment.workload.settle(environment.account_id)
    visitor.browse()
    yield _restored(environment, before, gone)
    line, expected = "requests to {application} from the kill to the return", "0 of * failed after one retry"
    actual = f"{visitor.failed} of {visitor.sent} failed after one retry"
    yield environment.names.row("W7", "visitors notice nothing but a retry", line, expected, actual)


def _is_out(environment: LiveEnvironment, instance: Instance) -> bool:
    health = environment.workload.health(instance)
    return health is None or health.state == UNHEALTHY


def _restored(environment: LiveEnvironment, before: Sequence[Instance], gone: Sequence[Instance]) -> Row:
    after = environment.instances
    healthy = sum((found := environment.workload.health(each)) is not None and found.state == HEALTHY for each in after)
    new = [each for each in after if each not in before]
    expected = f"1 ended, 1 launched, {len(before)} of {len(before)} healthy"
    actual = f"{len(gone)} ended, {len(new)} launched, {healthy} of {len(after)} healthy"
    line = "Auto Scaling replaces it; its successor passes the health check"
    return environment.names.row("W7", "a web server is restored automatically", line, expected, actual)


class Visitor:
    """Somebody with a cart, who tries a request once more when it fails. `sent` and `failed` count requests."""

    def __init__(self, environment: LiveEnvironment) -> None:
        self._environment = environment
        self._cookie = ""
        self.sent = 0
        self.failed = 0
        self.answered_by: Instance | None = None

    def fill_cart(self) -> Instance:
        """Put something into the cart; return the instance that wrote it. Raises `NoAnswerError`."""
        url = self._environment.url("application", "/api/cart")
        body = '{"quantities": {"1": 2}}'
        answer = self._environment.client.send("PUT", url, {"If-Match": '"0"', **JSON}, body)
        self._cookie = answer.fact("set-cookie").partition(";")[0]
        written_by = self._environment.answered_by(answer.fact("x-request-id"))
        if written_by is None:
            raise NoAnswerError(f"PUT {url}: answered {answer.status}, by none of the web servers")
        return written_by

    def read_cart(self) -> str:
        """Return what is in the cart, and note who said so."""
        answer = self._send("/api/cart")
        if answer is None:
            return "no answer"
        self.answered_by = self._environment.answered_by(answer.fact("x-request-id"))
        _, found, rest = "".join(answer.text.split()).partition('"quantities":')
        return f"quantities {rest.partition('}')[0]}}}" if found else f"answered {answer.status}"

    def browse(self) -> None:
        """Send a few requests."""
        for path in ("/healthz", "/api/products", "/api/cart", "/")[:REQUESTS_BETWEEN_CHECKS]:
            self._send(path)

    def _send(self, path: str) -> Answer | None:
        self.sent += 1
        for _ in range(2):
            try:
                url = self._environment.url("application", path)
                answer = self._environment.client.send("GET", url, {"Cookie": self._cookie})
            except NoAnswerError:
                continue
            if answer.status < SERVER_ERROR:
                return answer
        self.failed += 1
        return None


SCENARIOS: tuple[Scenario, ...] = (revalidation, tls_versions, settings_read_back, lost_server)

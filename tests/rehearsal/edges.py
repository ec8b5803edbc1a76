"""An edge in the emulator: CloudFront, a web ACL, a load balancer and, with a domain, names in Route 53."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conftest import REGION, TEMPLATES, Account

from generator.rehearsal.emulator import Emulator

GLOBAL = "us-east-1"
PAGE = b"<!doctype html><title>Home</title>" * 40
SCRIPT = b"console.log('ready');" * 100

account_ids = (f"7{number:011d}" for number in itertools.count())


@dataclass(frozen=True)
class Answer:
    """What a viewer gets; the headers' names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Edge:
    """A deployed edge, with an account of its own."""

    account: Account
    stack: str
    parameters: dict[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return (TEMPLATES / "edge.yaml").read_text(encoding="utf-8")

    def deploy(self, kind: str = "CREATE", template: str = "", **changed: str) -> dict[str, Any]:
        self.parameters |= changed
        stack = self.account.deploy(self.stack, template or self.template, kind, **self.parameters)
        self.outputs = self.account.outputs(stack)
        return stack

    def client(self, service: str, region: str = REGION) -> Any:
        return self.account.emulator.client(service, self.account.account_id, region)

    def upload(self, key: str, body: bytes, content_type: str = "text/html", **others: str) -> None:
        bucket = self.outputs["Website"]
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, **others)

    def get(self, path: str, host: str = "", **headers: str) -> Answer:
        """Ask as a viewer does over HTTPS, at the distribution's own name or another one."""
        return self.ask("GET", path, host, **{"X_Forwarded_Proto": "https", **headers})

    def ask(self, method: str, path: str, host: str = "", body: bytes | None = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Host"] = host or self.outputs["DistributionName"]
        connection = http.client.HTTPConnection("127.0.0.1", self.account.emulator.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()


def edge(emulator: Emulator, stack: str, domain: str = "") -> Edge:
    """Return an edge that is not deployed yet, with all that it takes from its account."""
    found = Edge(Account(emulator, next(account_ids)), stack, {"WebAclParameter": "/edge/web-acl-arn"})
    rules: dict[str, Any] = {"DefaultAction": {"Allow": {}}, "Rules": []}
    visibility = {"CloudWatchMetricsEnabled": True, "MetricName": "global", "SampledRequestsEnabled": False}
    made = found.client("wafv2", GLOBAL).create_web_acl(
        Name="global", Scope="CLOUDFRONT", VisibilityConfig=visibility, **rules
    )
    _store(found, "web-acl-arn", made["Summary"]["ARN"])
    if domain:
        found.parameters |= {"Domain": domain, "Zone": hosted_zone(found, domain.partition(".")[2])}
        _store(found, "certificate-arn", certificate(found, domain))
        found.parameters["CertificateParameter"] = "/edge/certificate-arn"
    else:
        found.parameters["Certificate"] = certificate(found, "load-balancer.example.com", REGION)
    return found


def certificate(found: Edge, domain: str, region: str = GLOBAL) -> str:
    """Return the ARN of a new certificate of ACM's."""
    answer = found.client("acm", region).request_certificate(DomainName=domain, ValidationMethod="DNS")
    return str(answer["CertificateArn"])


def hosted_zone(found: Edge, name: str) -> str:
    made = found.client("route53").create_hosted_zone(Name=name, CallerReference=name)
    return str(made["HostedZone"]["Id"]).rsplit("/", 1)[-1]


def _store(found: Edge, name: str, value: str) -> None:
    found.client("ssm").put_parameter(Name=f"/edge/{name}", Value=value, Type="String")

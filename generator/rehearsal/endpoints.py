"""The names under which clients reach an environment over HTTPS, read from the services: what each shows and speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from generator.regions import EDGE_REGION
from generator.rehearsal.certificates import Authority, KeyPair
from generator.rehearsal.tls_front import DISTRIBUTION_POLICIES, LOAD_BALANCER_POLICIES, Endpoint

HTTPS_PORT = 443
CLOUDFRONT_NAMES = "*.cloudfront.net"

Clients = Callable[..., Any]
"""Returns the client of a service, in the environment's region or in another one."""


class Certificates:
    """The keys of the certificates that ACM holds: those that were imported, and those that it issues by itself.

    ACM gives no key away. Of a certificate that it issued only the names are known: the rehearsal's authority makes one
    for them.
    """

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self._imported: dict[str, KeyPair] = {}
        self._issued: dict[tuple[str, ...], KeyPair] = {}

    def imported(self, arn: str, certificate: str, key: str) -> None:
        """Remember the key of a certificate that was imported just now."""
        self._imported[arn] = KeyPair(certificate, key)

    def of(self, acm: Any, arn: str) -> tuple[KeyPair, str]:
        """Return a certificate with its key, and what clients must trust to accept it, as PEM."""
        if arn in self._imported:
            return self._imported[arn], self._imported[arn].certificate
        described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        return self.issued((described["DomainName"], *described.get("SubjectAlternativeNames", ())))

    def issued(self, names: tuple[str, ...]) -> tuple[KeyPair, str]:
        """Return a certificate for some names that Amazon's authority would have issued, and that authority's own."""
        names = tuple(dict.fromkeys(names))
        if names not in self._issued:
            self._issued[names] = self.authority.issue(names)
        return self._issued[names], self.authority.certificate


def endpoints(client: Clients, outputs: Mapping[str, str], certificates: Certificates) -> list[Endpoint]:
    """Return the endpoints of a deployed environment: of its load balancer, and of its distribution if it has one.

    `outputs` are those of the environment's root stack.
    """
    found = [_of_load_balancer(client, outputs["LoadBalancerDnsName"], certificates)]
    if distribution_id := outputs.get("DistributionId", ""):
        found += _of_distribution(client, distribution_id, certificates)
    return found


def _of_load_balancer(client: Clients, dns_name: str, certificates: Certificates) -> Endpoint:
    elb = client("elbv2")
    [load_balancer] = [
        each for each in elb.describe_load_balancers()["LoadBalancers"] if each["DNSName"].lower() == dns_name.lower()
    ]
    listeners = elb.describe_listeners(LoadBalancerArn=load_balancer["LoadBalancerArn"])["Listeners"]
    [listener] = [each for each in listeners if each["Port"] == HTTPS_PORT]
    arn = listener["Certificates"][0]["CertificateArn"]
    pair, trusted = certificates.of(client("acm"), arn)
    return Endpoint(
        names=(dns_name.lower(), *_aliases(client, dns_name)),
        # By the port the emulator's load balancer knows which listener is meant.
        host=f"{dns_name}:{HTTPS_PORT}",
        certificate=pair,
        trusted=trusted,
        protocols=LOAD_BALANCER_POLICIES[listener["SslPolicy"]],
    )


def _aliases(client: Clients, dns_name: str) -> list[str]:
    """Return the names that Route 53 answers with a load balancer's addresses."""
    route53 = client("route53")
    found = []
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            target = record.get("AliasTarget", {}).get("DNSName", "").rstrip(".").lower()
            if target.removeprefix("dualstack.") == dns_name.lower():
                found.append(record["Name"].rstrip(".").lower())
    return list(dict.fromkeys(found))


def _of_distribution(client: Clients, distribution_id: str, certificates: Certificates) -> list[Endpoint]:
    """Return the endpoint of CloudFront's own name, and the one of the domain where the distribution has one."""
    distribution = client("cloudfront").get_distribution(Id=distribution_id)["Distribution"]
    own_name = distribution["DomainName"].lower()
    pair, trusted = certificates.issued((CLOUDFRONT_NAMES,))
    found = [Endpoint((own_name,), own_name, pair, trusted, DISTRIBUTION_POLICIES["TLSv1"])]
    configuration: Mapping[str, Any] = distribution["DistributionConfig"]
    shown = configuration.get("ViewerCertificate", {})
    names = tuple(each.lower() for each in configuration.get("Aliases", {}).get("Items", ()))
    if names and "ACMCertificateArn" in shown:
        pair, trusted = certificates.of(client("acm", EDGE_REGION), shown["ACMCertificateArn"])
        protocols = DISTRIBUTION_POLICIES[shown["MinimumProtocolVersion"]]
        found.append(Endpoint(names, names[0], pair, trusted, protocols))
    return found

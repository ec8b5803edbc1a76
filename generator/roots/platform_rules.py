"""Rules by which CloudFormation itself refuses settings that contradict each other. Part of the root `platform`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from troposphere import And, AWSHelperFn, Equals, Not, Or, Ref, Template

from generator.environment import Environment
from generator.parameter_types import ImageUri


def add_rules(template: Template, parameters: Environment, images: Sequence[ImageUri]) -> None:
    """Let CloudFormation itself refuse contradictory settings, before it creates anything.

    The generator refuses more (see `environment`): rules know no arithmetic, so that a scale-in threshold that would
    start the server again gets through here.
    """
    has_domain, has_zone = Not(Equals(parameters.domain_name, "")), Not(Equals(parameters.hosted_zone_id, ""))
    records = "A domain and its Route 53 hosted zone are given together."
    _add_rule(template, "DomainHasHostedZone", has_zone, records, only_where=has_domain)
    _add_rule(template, "HostedZoneHasDomain", has_domain, records, only_where=has_zone)
    only_through_cloudfront = Equals(parameters.load_balancer_access, "cloudfront")
    forwarding = "CloudFront forwards to the load balancer only where there is a domain."
    _add_rule(template, "CloudFrontHasDomain", has_domain, forwarding, only_where=only_through_cloudfront)
    has_device = Not(Equals(parameters.vpn_gateway_address, ""))
    has_network = Not(Equals(parameters.vpn_cidr, ""))
    both_ends = "A VPN needs the address of the device and the network behind it."
    _add_rule(template, "VpnDeviceHasNetwork", has_network, both_ends, only_where=has_device)
    _add_rule(template, "VpnNetworkHasDevice", has_device, both_ends, only_where=has_network)
    _add_operations_rules(template, parameters)
    pinned = And(*(Not(Equals(image, "none")) for image in images))
    somewhere = Not(Equals(parameters.compute, "ec2"))
    _add_rule(template, "ContainersHaveImages", pinned, "Containers need the release's images.", only_where=somewhere)
    _add_rule(
        template,
        "RoomForRollingUpdate",
        Equals(parameters.web_server_minimum, "1"),
        "WebServerMaximum must be above WebServerMinimum.",
        only_where=Equals(parameters.web_server_maximum, "2"),
    )
    zones = (parameters.availability_zone_a, parameters.availability_zone_b, parameters.availability_zone_c)
    for (here, one), (there, other) in combinations(zip("ABC", zones, strict=True), 2):
        different = "Availability zones must be different ones."
        _add_rule(template, f"ZonesDiffer{here}{there}", Not(Equals(one, other)), different)


def _add_operations_rules(template: Template, parameters: Environment) -> None:
    by_turns = Equals(parameters.incident_manager, "true")
    has_email, has_url = Not(Equals(parameters.on_call_email, "")), Not(Equals(parameters.on_call_url, ""))
    paging = "Incident Manager pages whom OnCallEmail names."
    _add_rule(template, "TurnsHaveSomebody", has_email, paging, only_where=by_turns)
    second = "A second person on call takes turns where Incident Manager pages."
    has_second = Not(Equals(parameters.second_on_call_email, ""))
    _add_rule(template, "SecondPersonTakesTurns", by_turns, second, only_where=has_second)
    escalating = "What nobody acknowledges is escalated where somebody is paged."
    has_escalation = Not(Equals(parameters.escalation_email, ""))
    _add_rule(template, "EscalationHasPage", Or(has_email, has_url), escalating, only_where=has_escalation)
    elsewhere = Not(Equals(parameters.recovery_region, Ref("AWS::Region")))
    _add_rule(template, "CopiesAreElsewhere", elsewhere, "Copies of the data must be in another region.")
    stopping = Equals(parameters.office_hours_only, "true")
    no_replica = Equals(parameters.database_read_replica, "false")
    stoppable = "RDS stops no database that has a read replica."
    _add_rule(template, "StoppedDatabaseHasNoReplica", no_replica, stoppable, only_where=stopping)


def _add_rule(
    template: Template, name: str, assertion: AWSHelperFn, description: str, only_where: AWSHelperFn | None = None
) -> None:
    where = {} if only_where is None else {"RuleCondition": only_where}
    template.add_rule(name, {**where, "Assertions": [{"Assert": assertion, "AssertDescription": description}]})

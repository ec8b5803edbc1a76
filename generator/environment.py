"""What differs between environments: the one model of `params/<environment>.json`.

The file is a CodePipeline template configuration (`Parameters`, `Tags`, `StackPolicy`), so that the pipeline hands to
CloudFormation what was checked here. `Environment` validates it and is, at the same time, the `Parameters` of the
platform root: each setting has one description, one type and one set of bounds. What does not differ is a constant of
its module.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import combinations
from pathlib import Path
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from generator.errors import UserError
from generator.naming import pascal_case
from generator.office_hours import FIRST_UTC_OFFSET, LAST_UTC_OFFSET
from generator.parameter_types import (
    AccessMode,
    ArchiveKey,
    AuditRetentionDays,
    AvailabilityZone,
    Compute,
    ContainerSize,
    CostAnomalyMonitor,
    CpuPercent,
    DatabaseInstanceClass,
    DatabaseStorage,
    DomainName,
    EmailAddress,
    EnvironmentName,
    FederatedSubject,
    GreenShare,
    HostedZoneId,
    InstanceType,
    LoadBalancerAccess,
    Minutes,
    MonthlyBudget,
    NatGateways,
    OnCallUrl,
    OperatorCidr,
    OptionalAvailabilityZone,
    PathPatterns,
    RecoveryRegion,
    RequestRate,
    ServerMaximum,
    ServerMinimum,
    SpotShare,
    TargetProtocol,
    TimeZone,
    Toggle,
    TraceShare,
    TrafficShift,
    VaultLock,
    VpcCidr,
    VpnCidr,
    VpnGatewayAddress,
    parameter,
)
from generator.prefix_lists import CLOUDFRONT_ADDRESSES

ENVIRONMENTS = ("dev", "staging", "prod")
"""The environments, in the order of promotion (D6)."""

REQUIRED_TAGS = ("Project", "Environment", "Owner", "CostCenter")
"""Tags that every resource carries: the root stack hands them to nested stacks and resources (D13)."""


NEVER_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)
"""Where no device on the internet is. https://www.iana.org/assignments/iana-ipv4-special-registry"""


LONGEST_WAIT_MINUTES = 33 * 60 - 5
"""How long a deployment of containers may wait, besides the five minutes of a canary."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The settings of one environment. Values are literals when read from a file, references when a root is built."""

    environment_name: EnvironmentName = parameter("Name of the environment; part of names and SSM paths.")
    vpc_cidr: VpcCidr = parameter("Address range of the VPC, a private /16 that no other environment overlaps.")
    availability_zone_a: AvailabilityZone = parameter("First availability zone.")
    availability_zone_b: AvailabilityZone = parameter("Second availability zone.")
    availability_zone_c: OptionalAvailabilityZone = parameter("Third availability zone; empty for two.", default="")
    nat_gateways: NatGateways = parameter("One NAT gateway for all zones, or one in each.", default="single")
    interface_endpoints: Toggle = parameter("Reach AWS APIs without passing a NAT gateway.", default="false")
    access_mode: AccessMode = parameter("How operators reach the inside: Session Manager, SSH or not.", default="ssm")
    operator_cidr: OperatorCidr = parameter("Address range that operators connect from; used with SSH.")
    vpn_gateway_address: VpnGatewayAddress = parameter("Public address of a VPN device; empty for none.", default="")
    vpn_cidr: VpnCidr = parameter("Network behind that device; empty for none.", default="")
    federated_subject: FederatedSubject = parameter(
        "GitHub workflow that publishes application archives; empty for none.", default=""
    )
    domain_name: DomainName = parameter("Domain of the application; empty for an imported certificate.", default="")
    hosted_zone_id: HostedZoneId = parameter("Route 53 hosted zone of the domain; empty without one.", default="")
    load_balancer_access: LoadBalancerAccess = parameter(
        "Whom the load balancer answers: everybody, or CloudFront alone, which needs a domain.", default="internet"
    )
    web_application_firewall: Toggle = parameter("Filter requests with AWS WAF.", default="true")
    shield_advanced: Toggle = parameter(
        "Protect CloudFront and load balancer with Shield Advanced; the account is subscribed to it.",
        default="false",
    )
    compute: Compute = parameter("Where the application runs: EC2, Fargate, or both.", default="ec2")
    server_paths: PathPatterns = parameter(
        "Paths that web servers answer where both run; containers answer the rest.", default="/*"
    )
    target_protocol: TargetProtocol = parameter("Between load balancer and web servers or containers.", default="HTTPS")
    application_archive_key: ArchiveKey = parameter("Application archive in the release bucket.", default="")
    web_server_instance_type: InstanceType = parameter("Instance type of the web servers.", default="t3.micro")
    web_server_minimum: ServerMinimum = parameter("Web servers, or tasks, that always run.", default="2")
    web_server_maximum: ServerMaximum = parameter(
        "Web servers, or tasks, under load; above the minimum, 3 at most.", default="3"
    )
    scale_out_cpu_percent: CpuPercent = parameter("Average CPU above which a server or task is added.", default="80")
    scale_in_cpu_percent: CpuPercent = parameter("Average CPU below which a server or task is removed.", default="40")
    green_archive_key: ArchiveKey = parameter("Application archive of the green web servers.", default="")
    green_share: GreenShare = parameter("Percent of the web servers' requests that green ones get.", default="0")
    standby_servers: Toggle = parameter(
        "Run web servers of the other colour too, to switch to or back.", default="false"
    )
    container_size: ContainerSize = parameter("Size of a task.", default="small")
    fargate_spot_share: SpotShare = parameter("Percent of further tasks on spare capacity.", default="0")
    scale_out_requests: RequestRate = parameter(
        "Requests a minute and task above which a task is added.", default="1200"
    )
    container_traffic_shift: TrafficShift = parameter(
        "How requests move to a new version of the containers.", default="all-at-once"
    )
    container_test_minutes: Minutes = parameter(
        "How long a new version waits for somebody to approve it; 0 for not at all.", default="0"
    )
    container_bake_minutes: Minutes = parameter(
        "How long the former version stays beside the new one, to go back to.", default="5"
    )
    trace_share: TraceShare = parameter("Share of the requests that is traced.", default="0.1")
    database_instance_class: DatabaseInstanceClass = parameter("Class of the database.", default="db.t3.micro")
    database_storage: DatabaseStorage = parameter("Allocated database storage in GiB.", default="20")
    database_multi_az: Toggle = parameter("Keep a standby of the database in a second zone.", default="false")
    database_read_replica: Toggle = parameter("Create a read replica of the database.", default="false")
    deletion_protection: Toggle = parameter("Database, table and load balancer refuse deletion.", default="true")
    on_call_email: EmailAddress = parameter("Who is paged when visitors suffer; empty for nobody.", default="")
    on_call_url: OnCallUrl = parameter("Paging service that is told as well; empty for none.", default="")
    escalation_email: EmailAddress = parameter(
        "Who is told when nobody acknowledges a page; empty for nobody.", default=""
    )
    operations_email: EmailAddress = parameter("Who gets what can wait until morning; empty for nobody.", default="")
    incident_manager: Toggle = parameter(
        "Page through Incident Manager, which the account already uses, in weekly turns.", default="false"
    )
    second_on_call_email: EmailAddress = parameter("Who takes the other turns; empty for nobody.", default="")
    synthetic_canary: Toggle = parameter("Ask the application as a visitor does, every five minutes.", default="false")
    audit_retention_days: AuditRetentionDays = parameter("Days for which it is kept who did what.", default="365")
    long_term_backups: Toggle = parameter("Keep weekly and monthly backups besides the daily ones.", default="false")
    backup_vault_lock: VaultLock = parameter("Who can delete backups before their time.", default="none")
    recovery_region: RecoveryRegion = parameter("Region that gets copies of all data; empty for none.", default="")
    restore_testing: Toggle = parameter(
        "Restore a backup of each store every month, to see that it works.", default="false"
    )
    office_hours_only: Toggle = parameter("Stop web servers and database at night and at weekends.", default="false")
    time_zone: TimeZone = parameter("Time zone of office hours and of turns on call.", default="UTC")
    monthly_budget: MonthlyBudget = parameter("US dollars a month that this environment may cost.", default="200")
    cost_anomaly_monitor: CostAnomalyMonitor = parameter(
        "Monitor whose cost anomalies are told: none, new, or the ARN of the account's own.", default="none"
    )


@dataclass(frozen=True)
class TemplateConfiguration:
    """One `params` file: the settings, and what CloudFormation applies to the root stack besides them."""

    source: Path
    environment: Environment
    tags: Mapping[str, str]
    stack_policy: Mapping[str, Any] | None

    @property
    def region(self) -> str:
        """The region of the environment, which its zones are named after."""
        return _region(self.environment)

    def parameters(self) -> dict[str, str]:
        """Return the root's parameters as CloudFormation takes them, by CloudFormation's names."""
        return {pascal_case(f.name): getattr(self.environment, f.name).literal for f in fields(self.environment)}


def load_all(folder: Path) -> list[TemplateConfiguration]:
    """Return every environment's configuration, in the order of promotion; others follow by name.

    Raises `UserError` naming file and key where anything is wrong: in one file, or between two.
    """
    found = {path.stem: path for path in sorted(folder.glob("*.json"))}
    missing = [name for name in ENVIRONMENTS if name not in found]
    if missing:
        raise UserError(f"{folder / missing[0]}.json is missing; the environments are {', '.join(ENVIRONMENTS)}")
    configurations = [load(found[name]) for name in [*ENVIRONMENTS, *(n for n in found if n not in ENVIRONMENTS)]]
    _refuse_overlaps(configurations)
    return configurations


def select(configurations: Sequence[TemplateConfiguration], names: Sequence[str]) -> list[TemplateConfiguration]:
    """Return the named environments in the order of promotion, or all where none is named. Raises `UserError`."""
    known = [configuration.source.stem for configuration in configurations]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"{unknown[0]!r} is no environment; allowed: {', '.join(known)}, one file each in params/")
    return [configuration for configuration in configurations if not names or configuration.source.stem in names]


def load(path: Path) -> TemplateConfiguration:
    """Return the configuration of one environment. Raises `UserError` naming file and key.

    It names all settings that are wrong in themselves; where there are none, the first wrong tag or contradiction.
    """
    content = _read_object(path)
    unknown = sorted(content.keys() - {"Parameters", "Tags", "StackPolicy"})
    if unknown:
        raise UserError(f"{path}: {unknown[0]} is unknown; allowed: Parameters, Tags, StackPolicy")
    for section in ("Parameters", "Tags", "StackPolicy"):
        if not isinstance(content.get(section, {}), dict):
            raise UserError(f"{path}: {section} must be an object")
    environment = _parse_environment(path, content.get("Parameters", {}))
    tags = _parse_tags(path, content.get("Tags", {}), environment.environment_name.literal)
    _refuse_contradictions(path, environment)
    return TemplateConfiguration(path, environment, tags, content.get("StackPolicy"))


def _region(environment: Environment) -> str:
    return environment.availability_zone_a.literal[:-1]


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold one JSON object with Parameters and Tags")
    return content


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"{repeated[0]} is given twice")
    return dict(pairs)


def _parse_environment(path: Path, given: Mapping[str, Any]) -> Environment:
    hints = get_type_hints(Environment)
    declared = {pascal_case(f.name): f for f in fields(Environment)}
    problems = [f"{key} is unknown; allowed: {', '.join(declared)}" for key in given if key not in declared]
    values: dict[str, Any] = {}
    for key, setting in declared.items():
        text = given.get(key, setting.metadata["default"])
        if text is None:
            problems.append(f"{key} is missing: {setting.metadata['description']}")
        elif not isinstance(text, str):
            problems.append(f"{key} must be a string, as CodePipeline demands; write {json.dumps(str(text).lower())}")
        else:
            try:
                values[setting.name] = hints[setting.name].parse(text)
            except ValueError as error:
                problems.append(f"{key}: {error}")
    if problems:
        raise UserError("\n".join(f"{path}: Parameters: {problem}" for problem in problems))
    return Environment(**values)


def _parse_tags(path: Path, given: Mapping[str, Any], environment_name: str) -> dict[str, str]:
    for name in REQUIRED_TAGS:
        if not given.get(name):
            raise UserError(f"{path}: Tags: {name} is missing; required: {', '.join(REQUIRED_TAGS)}")
    for name, value in given.items():
        if not isinstance(value, str):
            raise UserError(f"{path}: Tags: {name} must be a string")
    if given["Environment"] != environment_name:
        raise UserError(f"{path}: Tags: Environment is {given['Environment']!r}, EnvironmentName {environment_name!r}")
    return dict(given)


def _refuse_contradictions(path: Path, environment: Environment) -> None:
    """Refuse what each setting allows and all together do not. Raises `UserError`."""
    name = environment.environment_name.literal
    if path.stem != name:
        raise UserError(
            f"{path}: Parameters: EnvironmentName is {name!r}; it must be {path.stem!r}, as the file is named"
        )
    _refuse_what_is_no_network(path, environment)
    zones = [environment.availability_zone_a, environment.availability_zone_b, environment.availability_zone_c]
    names = [zone.literal for zone in zones if zone.literal]
    if len(set(names)) != len(names):
        raise UserError(
            f"{path}: Parameters: AvailabilityZoneA, B and C must be different zones, not {', '.join(names)}"
        )
    if len({zone[:-1] for zone in names}) != 1:
        raise UserError(f"{path}: Parameters: AvailabilityZoneA, B and C must be of one region, not {', '.join(names)}")
    if bool(environment.domain_name.literal) != bool(environment.hosted_zone_id.literal):
        raise UserError(f"{path}: Parameters: DomainName and HostedZoneId are given together or not at all")
    _refuse_unreachable_load_balancer(path, environment)
    _refuse_unreachable_vpn(path, environment)
    _refuse_unstable_scaling(path, environment)
    _refuse_green_servers_without_archive(path, environment)
    _refuse_endless_deployments(path, environment)
    _refuse_nobody_to_page(path, environment)
    _refuse_unknown_time_zone(path, environment)
    _refuse_office_hours_elsewhere(path, environment)
    _refuse_unstoppable_database(path, environment)
    if environment.recovery_region.literal == _region(environment):
        raise UserError(
            f"{path}: Parameters: RecoveryRegion is the environment's own region; copies must be in another one"
        )


def _refuse_what_is_no_network(path: Path, environment: Environment) -> None:
    networks = {
        "VpcCidr": (environment.vpc_cidr, "10.10.0.0/16"),
        "OperatorCidr": (environment.operator_cidr, "203.0.113.0/24"),
        "VpnCidr": (environment.vpn_cidr, "172.20.0.0/16"),
    }
    for key, (cidr, example) in networks.items():
        try:
            if cidr.literal:
                ip_network(cidr.literal)
        except ValueError as error:
            raise UserError(
                f"{path}: Parameters: {key}: {cidr.literal!r} is no IPv4 network: {error}; give one such as {example}"
            ) from error


def _refuse_unreachable_load_balancer(path: Path, environment: Environment) -> None:
    if environment.load_balancer_access.literal != "cloudfront":
        return
    if not environment.domain_name.literal:
        raise UserError(
            f"{path}: Parameters: LoadBalancerAccess is 'cloudfront', but without a domain CloudFront forwards nothing "
            "to the load balancer; give DomainName and HostedZoneId, or LoadBalancerAccess 'internet'"
        )
    region = _region(environment)
    if region not in CLOUDFRONT_ADDRESSES:
        raise UserError(
            f"{path}: Parameters: LoadBalancerAccess is 'cloudfront', but CloudFront's prefix list in {region} is not "
            f"known; add its id to generator/prefix_lists.py, which has {', '.join(CLOUDFRONT_ADDRESSES)}"
        )


def _refuse_unreachable_vpn(path: Path, environment: Environment) -> None:
    address, cidr = environment.vpn_gateway_address.literal, environment.vpn_cidr.literal
    if bool(address) != bool(cidr):
        raise UserError(f"{path}: Parameters: VpnGatewayAddress and VpnCidr are given together or not at all")
    if not address:
        return
    try:
        reserved = [block for block in NEVER_PUBLIC if ip_address(address) in ip_network(block)]
    except ValueError as error:
        raise UserError(f"{path}: Parameters: VpnGatewayAddress: {address!r} is no IPv4 address: {error}") from error
    if reserved:
        raise UserError(
            f"{path}: Parameters: VpnGatewayAddress {address} is in {reserved[0]}, which the internet does not route; "
            "give the device's public address"
        )
    vpc = environment.vpc_cidr.literal
    if ip_network(cidr).overlaps(ip_network(vpc)):
        raise UserError(f"{path}: Parameters: VpnCidr {cidr} overlaps VpcCidr {vpc}; packets would not leave the VPC")


def _refuse_unstable_scaling(path: Path, environment: Environment) -> None:
    minimum, maximum = int(environment.web_server_minimum.literal), int(environment.web_server_maximum.literal)
    if minimum >= maximum:
        raise UserError(
            f"{path}: Parameters: WebServerMaximum ({maximum}) must be above WebServerMinimum ({minimum}): "
            "a rolling update needs room for one server more"
        )
    upper, lower = int(environment.scale_out_cpu_percent.literal), int(environment.scale_in_cpu_percent.literal)
    # The load of n + 1 servers on n is (n + 1) / n of what each had; above the upper bound it would start one again.
    if lower * (minimum + 1) >= upper * minimum:
        highest = (upper * minimum - 1) // (minimum + 1)
        raise UserError(
            f"{path}: Parameters: ScaleInCpuPercent ({lower}) must be {highest} or less: removing one of {minimum + 1} "
            f"servers would load the rest beyond ScaleOutCpuPercent ({upper}) and start it again"
        )


def _refuse_green_servers_without_archive(path: Path, environment: Environment) -> None:
    runs = environment.green_share.literal != "0" or environment.standby_servers.literal == "true"
    if runs and environment.application_archive_key.literal and not environment.green_archive_key.literal:
        raise UserError(
            f"{path}: Parameters: GreenArchiveKey is missing: green web servers would answer with the welcome page, "
            "not with ApplicationArchiveKey; give an archive, or GreenShare '0' and StandbyServers 'false'"
        )


def _refuse_endless_deployments(path: Path, environment: Environment) -> None:
    """CloudFormation ends a deployment of ECS after 36 hours, and refuses one that would wait longer than 33.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-service-canaryconfiguration.html
    """
    minutes = int(environment.container_test_minutes.literal) + int(environment.container_bake_minutes.literal)
    if minutes > LONGEST_WAIT_MINUTES:
        raise UserError(
            f"{path}: Parameters: ContainerTestMinutes and ContainerBakeMinutes are {minutes} minutes together; "
            f"{LONGEST_WAIT_MINUTES} at most, because CloudFormation does not wait longer for a deployment"
        )


def _refuse_nobody_to_page(path: Path, environment: Environment) -> None:
    by_turns = environment.incident_manager.literal == "true"
    if by_turns and not environment.on_call_email.literal:
        raise UserError(f"{path}: Parameters: IncidentManager pages nobody without OnCallEmail")
    if environment.second_on_call_email.literal and not by_turns:
        raise UserError(
            f"{path}: Parameters: SecondOnCallEmail takes turns with OnCallEmail where IncidentManager is 'true' only"
        )
    paged = environment.on_call_email.literal or environment.on_call_url.literal
    if environment.escalation_email.literal and not paged:
        raise UserError(
            f"{path}: Parameters: EscalationEmail is told when a page is not acknowledged, but nobody is paged; "
            "give OnCallEmail or OnCallUrl"
        )


def _refuse_unknown_time_zone(path: Path, environment: Environment) -> None:
    name = environment.time_zone.literal
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise UserError(
            f"{path}: Parameters: TimeZone: {name!r} is not in the IANA time zone database; "
            "give a name such as Europe/Amsterdam"
        ) from error


def _refuse_office_hours_elsewhere(path: Path, environment: Environment) -> None:
    """RDS backs up and maintains only what runs, in windows that it takes in UTC (`office_hours`)."""
    if environment.office_hours_only.literal == "false":
        return
    zone = ZoneInfo(environment.time_zone.literal)
    offsets = [datetime(2026, month, 1, tzinfo=zone).utcoffset() or timedelta() for month in (1, 7)]
    if not timedelta(hours=FIRST_UTC_OFFSET) <= min(offsets) <= max(offsets) <= timedelta(hours=LAST_UTC_OFFSET):
        raise UserError(
            f"{path}: Parameters: OfficeHoursOnly stops the database while RDS would back it up, in UTC: TimeZone must "
            f"be between UTC{FIRST_UTC_OFFSET} and UTC+{LAST_UTC_OFFSET}, or the windows in generator/office_hours.py "
            "others"
        )


def _refuse_unstoppable_database(path: Path, environment: Environment) -> None:
    """RDS stops no instance that has a replica.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
    """
    if environment.office_hours_only.literal == environment.database_read_replica.literal == "true":
        raise UserError(
            f"{path}: Parameters: OfficeHoursOnly stops the database, which RDS refuses where DatabaseReadReplica is "
            "'true'"
        )


def _refuse_overlaps(configurations: Sequence[TemplateConfiguration]) -> None:
    for one, other in combinations(configurations, 2):
        here, there = one.environment.vpc_cidr.literal, other.environment.vpc_cidr.literal
        if ip_network(here).overlaps(ip_network(there)):
            raise UserError(f"{other.source}: Parameters: VpcCidr {there} overlaps {here} of {one.source}")

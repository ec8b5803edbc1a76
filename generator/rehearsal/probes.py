"""What was deployed, asked of the services themselves: each probe compares what an API answers with what was promised.

Probes look at the deployed account, never at the templates, so that a template that says the right thing in a way that
has no effect is found out. They are claims about one environment and take its settings as the measure.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from generator.rehearsal.access_probes import ACCESS_PROBES
from generator.rehearsal.container_probes import CONTAINER_PROBES
from generator.rehearsal.edge_probes import EDGE_PROBES
from generator.rehearsal.operations_probes import OPERATIONS_PROBES
from generator.rehearsal.server_probes import SERVER_PROBES
from generator.rehearsal.target import ANYWHERE, Finding, Findings, Target


def inspect(target: Target) -> list[Finding]:
    """Run all probes against a deployed environment. An absent resource is a finding, not an error."""
    findings: list[Finding] = []
    for probe in PROBES:
        try:
            findings += probe(target)
        except Exception as error:  # an absent resource fails in as many ways as there are services
            findings.append(Finding(f"{probe.__name__} can be asked", "an answer", f"{type(error).__name__}: {error}"))
    return findings


def outputs(target: Target) -> Findings:
    """Every output of the root has a value, and the SSM parameters it names can be read."""
    unresolved = [
        key for key, value in target.deployment.outputs.items() if not value or "${" in value or "{{" in value
    ]
    yield Finding("outputs: every output is resolved", [], unresolved)
    ssm = target.client("ssm")
    for key in ("DatabaseEndpointParameter", "DatabaseSecretParameter"):
        name = target.deployment.outputs[key]
        yield Finding(f"outputs: {key} can be read", True, bool(ssm.get_parameter(Name=name)["Parameter"]["Value"]))


def routes(target: Target) -> Findings:
    """Each tier has the way out that it should have, and no other (E6, W2)."""
    tables = target.client("ec2").describe_route_tables()["RouteTables"]
    expected = {"Public": {"internet gateway"}, "Private": {"NAT gateway"}, "Isolated": set()}
    for tier, ways in expected.items():
        for subnet in sorted(target.subnets(tier)):
            associated = [t for t in tables if any(a.get("SubnetId") == subnet for a in t["Associations"])]
            actual = {way for table in associated for route in table["Routes"] if (way := _way_out(route))}
            yield Finding(f"E6: way out of {tier.lower()} subnet {subnet}", sorted(ways), sorted(actual))


def _way_out(route: dict[str, Any]) -> str | None:
    if route.get("DestinationCidrBlock") != ANYWHERE:
        return None
    if route.get("NatGatewayId"):
        return "NAT gateway"
    return "internet gateway" if str(route.get("GatewayId", "")).startswith("igw-") else "something else"


def nat_gateways(target: Target) -> Findings:
    """One NAT gateway, or one in each zone, in public subnets (E6)."""
    gateways = target.client("ec2").describe_nat_gateways()["NatGateways"]
    per_zone = target.environment.nat_gateways.literal == "per-zone"
    yield Finding("E6: number of NAT gateways", len(target.zones) if per_zone else 1, len(gateways))
    yield Finding(
        "E6: NAT gateways stand in public subnets", True, {g["SubnetId"] for g in gateways} <= target.subnets("Public")
    )


def network_acls(target: Target) -> Findings:
    """Every subnet has the ACL of its tier, not the default one that lets everything pass (E14)."""
    acls = target.client("ec2").describe_network_acls()["NetworkAcls"]
    for tier in ("Public", "Private", "Isolated"):
        own = next(acl for acl in acls if acl["NetworkAclId"] == target.id("Network", f"{tier}Acl"))
        associated = {association["SubnetId"] for association in own["Associations"]}
        yield Finding(f"E14: subnets under the {tier.lower()} ACL", sorted(target.subnets(tier)), sorted(associated))
        open_both_ways = [e for e in own["Entries"] if e["RuleAction"] == "allow" and str(e["Protocol"]) == "-1"]
        yield Finding(f"E14: {tier.lower()} ACL has no rule for all protocols", [], open_both_ways)


def flow_logs(target: Target) -> Findings:
    """The VPC's traffic is logged, and logs are kept for a week (E15)."""
    logs = target.client("ec2").describe_flow_logs()["FlowLogs"]
    yield Finding("D8: flow logs record the VPC", [target.id("Network", "Vpc")], [log["ResourceId"] for log in logs])
    groups = target.client("logs").describe_log_groups()["logGroups"]
    own = {
        target.id("Network", "FlowLogGroup"),
        *([target.id("WebTier", "WebServerLogGroup")] if target.has_servers else []),
        *([target.id("Containers", "ContainerLogGroup")] if target.has_containers else []),
        target.id("Database", "PostgresqlLogGroup"),
        target.id("Database", "UpgradeLogGroup"),
    }
    days = {group["logGroupName"]: group.get("retentionInDays") for group in groups if group["logGroupName"] in own}
    yield Finding("E15: days that logs are kept", dict.fromkeys(own, 7), days)


def security_groups(target: Target) -> Findings:
    """Only the load balancer is open to the internet, on 80 and 443, or nothing but for CloudFront (W1, E8)."""
    groups = target.client("ec2").describe_security_groups()["SecurityGroups"]
    ours = [group for group in groups if group["VpcId"] == target.id("Network", "Vpc")]
    open_ports = {
        (group["GroupId"], rule.get("FromPort"))
        for group in ours
        if group["GroupName"] != "default"
        for rule in group["IpPermissions"]
        if any(block["CidrIp"] == ANYWHERE for block in rule["IpRanges"])
    }
    load_balancer = target.id("Security", "LoadBalancerGroup")
    for_everybody = target.environment.load_balancer_access.literal == "internet"
    wanted = {(load_balancer, 80), (load_balancer, 443)} if for_everybody else set()
    yield Finding("W1: what the internet reaches", wanted, open_ports)


def listeners(target: Target) -> Findings:
    """HTTP is redirected, HTTPS speaks TLS 1.2 and 1.3 (W3, W4)."""
    elb = target.client("elbv2")
    arn = target.id("Ingress", "LoadBalancer")
    by_port = {listener["Port"]: listener for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
    yield Finding("W1: ports of the load balancer", [80, 443], sorted(by_port))
    redirect = by_port[80]["DefaultActions"][0].get("RedirectConfig", {})
    yield Finding(
        "W3: HTTP is redirected", ("HTTPS", "HTTP_301"), (redirect.get("Protocol"), redirect.get("StatusCode"))
    )
    yield Finding("W4: TLS policy", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", by_port[443].get("SslPolicy"))
    yield Finding("W5: the HTTPS listener has a certificate", True, bool(by_port[443].get("Certificates")))
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    values = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    yield Finding("D8: invalid headers are dropped", "true", values["routing.http.drop_invalid_header_fields.enabled"])
    yield Finding("E15: access logs", target.deployment.outputs["LogBucketName"], values["access_logs.s3.bucket"])


def redirect_in_flight(target: Target) -> Findings:
    """A real request over HTTP is answered by the load balancer's data plane with 301 to HTTPS (W3)."""
    address = urlsplit(target.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        host = target.deployment.outputs["LoadBalancerDnsName"]
        connection.request("GET", "/cart?item=1", headers={"Host": host})
        response = connection.getresponse()
        location = urlsplit(response.getheader("Location", ""))
        actual = (response.status, location.scheme, location.hostname, location.path, location.query)
        yield Finding("W3: answer to GET http://…/cart?item=1", (301, "https", host, "/cart", "item=1"), actual)
    finally:
        connection.close()


def database(target: Target) -> Findings:
    """The database is private, encrypted and backed up (E9, E16, D3, D10)."""
    found = target.client("rds").describe_db_instances()["DBInstances"]
    instance = next(i for i in found if i["DBInstanceIdentifier"] == target.deployment.outputs["DatabaseId"])
    environment = target.environment
    yield Finding(
        "E9: engine and class",
        ("postgres", environment.database_instance_class.literal),
        (instance["Engine"], instance["DBInstanceClass"]),
    )
    yield Finding("E9: publicly accessible", False, instance["PubliclyAccessible"])
    subnets = {subnet["SubnetIdentifier"] for subnet in instance["DBSubnetGroup"]["Subnets"]}
    yield Finding("E9: subnets of the database", sorted(target.subnets("Isolated")), sorted(subnets))
    yield Finding("D10: encrypted storage", True, instance["StorageEncrypted"])
    yield Finding("E16: days of backups", 7, instance["BackupRetentionPeriod"])
    yield Finding("D3: Multi-AZ", environment.database_multi_az.literal == "true", instance["MultiAZ"])
    protected = environment.deletion_protection.literal == "true"
    yield Finding("D10: deletion protection", protected, instance["DeletionProtection"])
    replicas = [i for i in found if i.get("ReadReplicaSourceDBInstanceIdentifier")]
    yield Finding("D3: read replicas", int(environment.database_read_replica.literal == "true"), len(replicas))
    parameters = target.client("rds").describe_db_parameters(
        DBParameterGroupName=target.id("Database", "DatabaseParameters")
    )
    forced = [p.get("ParameterValue") for p in parameters["Parameters"] if p["ParameterName"] == "rds.force_ssl"]
    yield Finding("D10: TLS is forced", ["1"], forced)


def sessions(target: Target) -> Findings:
    """The session table expires, is encrypted and can be restored (E10, D10)."""
    dynamodb, name = target.client("dynamodb"), target.deployment.outputs["SessionTableName"]
    table = dynamodb.describe_table(TableName=name)["Table"]
    yield Finding(
        "D10: key of the session table",
        target.id("Encryption", "DataKey"),
        table["SSEDescription"]["KMSMasterKeyArn"].rpartition("/")[2],
    )
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    yield Finding("E10: sessions expire", "ENABLED", expiry["TimeToLiveStatus"])
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    yield Finding("D10: point-in-time recovery of sessions", "ENABLED", recovery)


def product_images(target: Target) -> Findings:
    """The file system is encrypted and has a mount target in each zone's isolated subnet (E11, D10)."""
    efs, file_system = target.client("efs"), target.deployment.outputs["FileSystemId"]
    described = efs.describe_file_systems(FileSystemId=file_system)["FileSystems"][0]
    yield Finding("D10: encrypted file system", True, described["Encrypted"])
    mounts = efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
    yield Finding(
        "E11: subnets of mount targets", sorted(target.subnets("Isolated")), sorted(m["SubnetId"] for m in mounts)
    )


def buckets(target: Target) -> Findings:
    """Buckets are private, versioned, encrypted and refuse plain HTTP (D10)."""
    s3 = target.client("s3")
    algorithms = {"LogBucketName": "AES256", "ReleaseBucketName": "aws:kms", "WebsiteBucketName": "AES256"}
    for output, algorithm in algorithms.items():
        bucket = target.deployment.outputs[output]
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        yield Finding(f"D10: {output} blocks public access", [True] * 4, list(block.values()))
        yield Finding(f"D10: {output} is versioned", "Enabled", s3.get_bucket_versioning(Bucket=bucket).get("Status"))
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        used = rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
        yield Finding(f"D10: {output} is encrypted", algorithm, used)
        refused = [s["Condition"] for s in _bucket_policy(s3, bucket) if s["Effect"] == "Deny"]
        yield Finding(f"D10: {output} refuses plain HTTP", [{"Bool": {"aws:SecureTransport": "false"}}], refused)


def _bucket_policy(s3: Any, bucket: str) -> list[dict[str, Any]]:
    try:
        statements: list[dict[str, Any]] = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return []
    return statements


def keys(target: Target) -> Findings:
    """Keys rotate (D10)."""
    kms = target.client("kms")
    places = {"DataKey": "Encryption", "LogsKey": "Encryption"}
    if target.environment.access_mode.literal == "ssm":
        places["SessionKey"] = "Access"
    for name, stack in places.items():
        rotates = kms.get_key_rotation_status(KeyId=target.id(stack, name))["KeyRotationEnabled"]
        yield Finding(f"D10: {name} rotates", True, rotates)


PROBES: tuple[Callable[[Target], Findings], ...] = (
    outputs,
    routes,
    nat_gateways,
    network_acls,
    flow_logs,
    security_groups,
    listeners,
    redirect_in_flight,
    database,
    sessions,
    product_images,
    buckets,
    keys,
    *SERVER_PROBES,
    *CONTAINER_PROBES,
    *ACCESS_PROBES,
    *EDGE_PROBES,
    *OPERATIONS_PROBES,
)

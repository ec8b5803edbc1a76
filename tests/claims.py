"""What the platform promises, as functions over the rendered templates.

Each `check_…` function holds one promise and raises `AssertionError` where it is broken. The tests of the stacks call
them on the templates as they are, `test_mutations` on templates that are broken on purpose: a promise that no damage
can break would promise nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Any, TypeVar

from generator.naming import short_name, stack_logical_id
from generator.roots import ROOTS as ROOT_MODULES
from tests.intrinsics import NO_VALUE, Templates, implies, of_type, policy_documents, references, resolved

ANYWHERE = "0.0.0.0/0"
EPHEMERAL = (1024, 65535)
ZONES = ("A", "B", "C")
TIERS = ("Public", "Private", "Isolated")
ACCESS_MODES = ("ssm", "ssh", "none")
ROOTS = tuple(short_name(module) for module in ROOT_MODULES)

VPC_CIDR, OPERATOR_CIDR, VPN_CIDR = "10.10.0.0/16", "203.0.113.0/24", "172.20.0.0/16"
NETWORK_SETTINGS = {
    "VpcCidr": VPC_CIDR,
    "OperatorCidr": OPERATOR_CIDR,
    "VpnCidr": VPN_CIDR,
    "AvailabilityZoneA": "zone-a",
    "AvailabilityZoneB": "zone-b",
    "AvailabilityZoneC": "zone-c",
}

TLS_1_2_OR_HIGHER = {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-3-2021-06"}

Acl = list[tuple[bool, tuple[int, int], IPv4Network]]
Item = TypeVar("Item")


def only(items: Iterable[Item]) -> Item:
    """Return the one item there is."""
    found = list(items)
    assert len(found) == 1, found
    return found[0]


# Network


def check_no_subnet_maps_public_addresses(templates: Templates) -> None:
    for name, subnet in of_type(templates["network"], "AWS::EC2::Subnet").items():
        assert subnet["Properties"].get("MapPublicIpOnLaunch") is False, name


def check_subnets_do_not_overlap(templates: Templates) -> None:
    subnets = subnet_ranges(templates)
    assert len(subnets) == len(TIERS) * len(ZONES)
    for name, block in subnets.items():
        assert block.prefixlen == 20, name
        assert block.subnet_of(IPv4Network(VPC_CIDR)), name
        assert not [other for other in subnets if other != name and subnets[other].overlaps(block)], name


def check_isolated_tier_has_no_way_out(templates: Templates) -> None:
    resources = templates["network"]["Resources"]
    isolated_table = {"Ref": "IsolatedRouteTable"}
    for name, route in of_type(templates["network"], "AWS::EC2::Route").items():
        assert route["Properties"]["RouteTableId"] != isolated_table, name
    for name, endpoint in of_type(templates["network"], "AWS::EC2::VPCEndpoint").items():
        assert "IsolatedRouteTable" not in dict(references(endpoint["Properties"]["RouteTableIds"])), name
    for subnet, table in _associations(templates):
        assert subnet.startswith("IsolatedSubnet") == (table == "IsolatedRouteTable"), (subnet, table)
    assert {subnet for subnet, _ in _associations(templates)} == {
        name for name, resource in resources.items() if resource["Type"] == "AWS::EC2::Subnet"
    }, "a subnet without a table of its own follows the main one"
    private_tables = templates["network"]["Outputs"]["PrivateRouteTableIds"]["Value"]
    assert {name for name, _ in references(private_tables)} == {f"PrivateRouteTable{zone}" for zone in ZONES}


def check_private_tier_leaves_through_nat_only(templates: Templates) -> None:
    for name, route in of_type(templates["network"], "AWS::EC2::Route").items():
        assert route["Properties"]["RouteTableId"] == {"Ref": "PublicRouteTable"}, name
    for subnet, table in _associations(templates):
        if subnet.startswith("PrivateSubnet"):
            assert table == f"PrivateRouteTable{subnet[-1]}", (subnet, table)
    routes = of_type(templates["egress"], "AWS::EC2::Route")
    assert len(routes) == len(ZONES)
    for name, route in routes.items():
        properties = route["Properties"]
        assert properties.keys() == {"RouteTableId", "DestinationCidrBlock", "NatGatewayId"}, name
        assert {gateway[:-1] for gateway, _ in references(properties["NatGatewayId"])} == {"NatGateway"}, name


def check_acl_requests_have_replies(templates: Templates) -> None:
    for mode in ACCESS_MODES:
        for name, rules in acls(templates, mode).items():
            for outwards, ports, peer in rules:
                if ports == EPHEMERAL:
                    continue
                replies = [other for out, reply, other in rules if out != outwards and reply == EPHEMERAL]
                assert any(peer.subnet_of(other) for other in replies), (name, mode, outwards, ports, str(peer))


def check_acls_admit_what_the_platform_needs(templates: Templates) -> None:
    """From every subnet of the one tier to every subnet of the other: out of the one, into the other, and back."""
    needed: list[tuple[str, str, int, tuple[str, ...]]]
    needed = [("Public", "Private", port, ACCESS_MODES) for port in (80, 443)]
    needed += [("Private", "Private", 443, ACCESS_MODES)]
    needed += [("Private", "Isolated", port, ACCESS_MODES) for port in (2049, 5432)]
    needed += [("Public", "Isolated", 5432, ("ssh",))]
    subnets = subnet_ranges(templates)
    for client, server, port, modes in needed:
        for mode in modes:
            rules = acls(templates, mode)
            clients = [block for name, block in subnets.items() if name.startswith(client)]
            servers = [block for name, block in subnets.items() if name.startswith(server)]
            for here in clients:
                for there in servers:
                    flow = (client, server, port, mode, str(here), str(there))
                    assert _admits(rules[f"{client}Acl"], True, (port, port), there), flow
                    assert _admits(rules[f"{server}Acl"], False, (port, port), here), flow
                    assert _admits(rules[f"{server}Acl"], True, EPHEMERAL, here), flow
                    assert _admits(rules[f"{client}Acl"], False, EPHEMERAL, there), flow


def check_acls_admit_clients_and_the_way_out(templates: Templates) -> None:
    """From the internet to the load balancer, and from web servers through the NAT gateways to the internet."""
    internet = IPv4Network(ANYWHERE)
    private = [block for name, block in subnet_ranges(templates).items() if name.startswith("Private")]
    for mode in ACCESS_MODES:
        rules = acls(templates, mode)
        for port in (80, 443):
            assert _admits(rules["PublicAcl"], False, (port, port), internet), (mode, port)
        assert _admits(rules["PublicAcl"], True, EPHEMERAL, internet), mode
        for name in ("PrivateAcl", "PublicAcl"):
            assert _admits(rules[name], True, (443, 443), internet), (mode, name)
            assert _admits(rules[name], False, EPHEMERAL, internet), (mode, name)
        for block in private:
            assert _admits(rules["PublicAcl"], False, (443, 443), block), (mode, str(block))


def check_isolated_acl_knows_the_vpc_only(templates: Templates) -> None:
    for mode in ACCESS_MODES:
        rules = acls(templates, mode)["IsolatedAcl"]
        clients = {peer for outwards, _, peer in rules if not outwards}
        assert {peer for outwards, _, peer in rules if outwards} == clients, "a reply without a request"
        for outwards, ports, peer in rules:
            assert peer.subnet_of(IPv4Network(VPC_CIDR)), (outwards, ports, str(peer))
            assert outwards == (ports == EPHEMERAL), "data answers, it never asks"


def check_flow_logs_see_all_traffic(templates: Templates) -> None:
    log = only(of_type(templates["network"], "AWS::EC2::FlowLog").values())
    assert log["Properties"]["ResourceId"] == {"Ref": "Vpc"}
    assert log["Properties"]["ResourceType"] == "VPC"
    assert log["Properties"]["TrafficType"] == "ALL"


def subnet_ranges(templates: Templates) -> dict[str, IPv4Network]:
    """Return the concrete range of each subnet of a VPC with three zones."""
    resources = resolved(templates["network"], **NETWORK_SETTINGS, AccessMode="ssh")
    return {
        name: IPv4Network(resource["Properties"]["CidrBlock"])
        for name, resource in resources.items()
        if resource["Type"] == "AWS::EC2::Subnet"
    }


def acls(templates: Templates, access_mode: str, vpn_cidr: str = VPN_CIDR) -> dict[str, Acl]:
    """Return the allowing rules of each network ACL: outwards or not, the ports, and the peer's range."""
    settings = NETWORK_SETTINGS | {"VpnCidr": vpn_cidr}
    resources = resolved(templates["network"], **settings, AccessMode=access_mode)
    found: dict[str, Acl] = {f"{tier}Acl": [] for tier in TIERS}
    for resource in resources.values():
        if resource["Type"] == "AWS::EC2::NetworkAclEntry":
            rule = resource["Properties"]
            ports = rule["PortRange"]["From"], rule["PortRange"]["To"]
            assert rule["RuleAction"] == "allow"
            assert rule["Protocol"] == 6
            found[rule["NetworkAclId"]["Ref"]].append((rule["Egress"], ports, IPv4Network(rule["CidrBlock"])))
    return found


def _admits(rules: Acl, outwards: bool, ports: tuple[int, int], peer: IPv4Network) -> bool:
    return any(
        out == outwards and low <= ports[0] and ports[1] <= high and peer.subnet_of(block)
        for out, (low, high), block in rules
    )


def _associations(templates: Templates) -> Iterator[tuple[str, str]]:
    for association in of_type(templates["network"], "AWS::EC2::SubnetRouteTableAssociation").values():
        yield association["Properties"]["SubnetId"]["Ref"], association["Properties"]["RouteTableId"]["Ref"]


# Security


def check_only_the_load_balancer_faces_the_internet(templates: Templates) -> None:
    for name, rule in _ingress_rules(templates):
        assert "CidrIpv6" not in rule, name
        if "SourcePrefixListId" in rule:
            assert rule["SourcePrefixListId"]["Fn::FindInMap"][0] == "CloudFrontAddresses", name
            assert rule["GroupId"] == {"Fn::GetAtt": ["LoadBalancerGroup", "GroupId"]}, name
            assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443), name
            continue
        if "CidrIp" not in rule:
            continue
        if rule["CidrIp"] == ANYWHERE:
            assert rule["GroupId"] == {"Fn::GetAtt": ["LoadBalancerGroup", "GroupId"]}, name
            assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) in {("tcp", 80, 80), ("tcp", 443, 443)}, name
        else:
            assert rule["CidrIp"] in ({"Ref": "OperatorCidr"}, {"Ref": "VpnCidr"}), name


def check_the_load_balancer_is_open_to_whom_the_environment_says(templates: Templates) -> None:
    """To the whole internet, or to CloudFront's addresses and then on 443 alone."""
    expected = {"internet": {(ANYWHERE, 80), (ANYWHERE, 443)}, "cloudfront": {("CloudFrontAddresses", 443)}}
    for access, whom in expected.items():
        given = {"AccessMode": "ssm", "OperatorCidr": "o", "VpnCidr": VPN_CIDR, "LoadBalancerAccess": access}
        given |= {"Compute": "both"}
        resources = resolved(templates["security"], **given).values()
        rules = (one["Properties"] for one in resources if one["Type"] == "AWS::EC2::SecurityGroupIngress")
        open_to = {
            (rule.get("CidrIp") or rule["SourcePrefixListId"]["Fn::FindInMap"][0], port)
            for rule in rules
            if rule["GroupId"] == {"Fn::GetAtt": ["LoadBalancerGroup", "GroupId"]}
            for port in (rule["FromPort"], rule["ToPort"])
        }
        assert open_to == whom, access


def check_rules_between_groups_come_in_pairs(templates: Templates) -> None:
    def ends(rules: dict[str, Any], client: str, server: str) -> set[str]:
        return {
            repr((rule["Properties"][client], rule["Properties"][server], rule.get("Condition"), _protocol(rule)))
            for rule in rules.values()
            if server in rule["Properties"] and client in rule["Properties"]
        }

    ways_out = of_type(templates["security"], "AWS::EC2::SecurityGroupEgress")
    ways_in = of_type(templates["security"], "AWS::EC2::SecurityGroupIngress")
    between = ends(ways_out, "GroupId", "DestinationSecurityGroupId")
    assert between
    # Clients of interface endpoints may go to port 443 anywhere.
    endpoints = {name: rule for name, rule in ways_in.items() if name.startswith("EndpointIn")}
    others = {name: rule for name, rule in ways_in.items() if name not in endpoints}
    assert between == ends(others, "SourceSecurityGroupId", "GroupId")
    to_anywhere = {
        repr((rule["Properties"]["GroupId"], rule.get("Condition"), _protocol(rule)))
        for rule in ways_out.values()
        if rule["Properties"].get("CidrIp") == ANYWHERE
    }
    for name, rule in endpoints.items():
        client = rule["Properties"]["SourceSecurityGroupId"]
        assert repr((client, rule.get("Condition"), _protocol(rule))) in to_anywhere, name


def check_groups_let_nothing_out_by_themselves(templates: Templates) -> None:
    groups = of_type(templates["security"], "AWS::EC2::SecurityGroup")
    assert groups
    for name, group in groups.items():
        rule = only(group["Properties"].get("SecurityGroupEgress", []))
        assert rule["CidrIp"] == "255.255.255.255/32", name
        assert rule["IpProtocol"] == "icmp", name


def check_ssh_is_open_to_operators_only_and_where_asked_for(templates: Templates) -> None:
    for mode in ACCESS_MODES:
        for vpn in ("", VPN_CIDR):
            ranges = {"OperatorCidr": OPERATOR_CIDR, "LoadBalancerAccess": "internet", "VpnCidr": vpn}
            ranges |= {"Compute": "both"}
            resources = resolved(templates["security"], AccessMode=mode, **ranges)
            open_to = {
                (rule["GroupId"]["Fn::GetAtt"][0], rule.get("CidrIp"))
                for rule in (resource["Properties"] for resource in resources.values())
                if "SourceSecurityGroupId" in rule or "CidrIp" in rule
                if rule["FromPort"] <= 22 <= rule["ToPort"]
            }
            expected = {("BastionGroup", OPERATOR_CIDR)} | ({("BastionGroup", VPN_CIDR)} if vpn else set())
            assert open_to == (expected if mode == "ssh" else set()), (mode, vpn)


def check_the_bastion_accepts_nothing_but_ssh_where_asked_for(templates: Templates) -> None:
    """Session Manager needs no way in: what it carries, the bastion itself has asked for."""
    for mode in ACCESS_MODES:
        given = {"AccessMode": mode, "OperatorCidr": "o", "VpnCidr": VPN_CIDR, "LoadBalancerAccess": "internet"}
        given |= {"Compute": "both"}
        resources = resolved(templates["security"], **given)
        group = {"Fn::GetAtt": ["BastionGroup", "GroupId"]}
        ports = {
            (resource["Properties"]["FromPort"], resource["Properties"]["ToPort"])
            for resource in resources.values()
            if resource["Type"] == "AWS::EC2::SecurityGroupIngress" and resource["Properties"]["GroupId"] == group
        }
        assert ports == ({(22, 22)} if mode == "ssh" else set()), mode
        assert "SecurityGroupIngress" not in resources["BastionGroup"]["Properties"]


def _ingress_rules(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    for template in templates.values():
        for name, rule in of_type(template, "AWS::EC2::SecurityGroupIngress").items():
            yield name, rule["Properties"]
        for name, group in of_type(template, "AWS::EC2::SecurityGroup").items():
            for rule in group["Properties"].get("SecurityGroupIngress", []):
                yield name, {"GroupId": {"Fn::GetAtt": [name, "GroupId"]}, **rule}


def _protocol(rule: dict[str, Any]) -> tuple[object, ...]:
    return tuple(rule["Properties"][key] for key in ("IpProtocol", "FromPort", "ToPort"))


# Encryption


OF_A_SERVICE = {"kms:ViaService", "kms:EncryptionContext:aws:logs:arn"}
KEY_OWNERS = {
    "encryption": OF_A_SERVICE,
    "access": {"kms:EncryptionContext:aws:ssm:SessionId"},
    "audit_trail": {*OF_A_SERVICE, "kms:EncryptionContext:aws:cloudtrail:arn"},
    "global_edge": OF_A_SERVICE,
    "tools_account": {*OF_A_SERVICE, "aws:PrincipalArn"},
}
"""Which templates have keys, and what every use of one must be tied to."""


def check_keys_rotate(templates: Templates) -> None:
    keys = {name: key for module in KEY_OWNERS for name, key in keys_of(templates, module).items()}
    ours = ("Data", "Logs", "Backup", "Notifications", "Session", "Artifact", "Trail")
    assert keys.keys() == {f"{name}Key" for name in ours}
    for name, key in keys.items():
        assert key["Properties"].get("EnableKeyRotation") is True, name


def check_key_administrators_cannot_decrypt(templates: Templates) -> None:
    """A statement that lets the account use a key does so through a service or in a session, or names the roles of the
    pipeline.
    """
    for module, expected in KEY_OWNERS.items():
        for name, key in keys_of(templates, module).items():
            for statement in key["Properties"]["KeyPolicy"]["Statement"]:
                conditions = {key for operator in statement.get("Condition", {}).values() for key in operator}
                for action in statement["Action"]:
                    assert "*" not in action, (name, statement["Sid"])
                    if action.removeprefix("kms:").startswith(("Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt")):
                        assert conditions & expected or _publishes(statement), (name, statement)


def _publishes(statement: dict[str, Any]) -> bool:
    """Return whether a service gets the use of a key for this account. EventBridge cannot say for whom it asks."""
    service = statement["Principal"].get("Service")
    for_us = statement.get("Condition") == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return service == "events.amazonaws.com" or (isinstance(service, str) and for_us)


def check_grants_on_keys_are_for_aws_alone(templates: Templates) -> None:
    """A grant gives the use of a key past its policy, so that nobody makes one but for a service."""
    nobody = {"BoolIfExists": {"kms:GrantIsForAWSResource": "false", "aws:PrincipalIsAWSService": "false"}}
    for module in KEY_OWNERS:
        for name, key in keys_of(templates, module).items():
            refused = only(s for s in key["Properties"]["KeyPolicy"]["Statement"] if s["Effect"] == "Deny")
            assert (refused["Principal"], refused["Action"]) == ("*", ["kms:CreateGrant"]), name
            assert refused.get("Condition") == nobody, name


def keys_of(templates: Templates, module: str) -> dict[str, Any]:
    """Return the KMS keys of a template by logical id."""
    return of_type(templates[module], "AWS::KMS::Key")


# Database


def check_database_is_encrypted(templates: Templates) -> None:
    for replica in ("true", "false"):
        database = only(_sources(templates, replica))
        assert database.get("StorageEncrypted") is True
        assert database.get("KmsKeyId") == {"Ref": "DataKeyArn"}
        assert database.get("PerformanceInsightsKMSKeyId") == {"Ref": "DataKeyArn"}


def check_database_is_private(templates: Templates) -> None:
    instances = of_type(templates["database"], "AWS::RDS::DBInstance")
    assert instances.keys() == {"Database", "ReadReplica"}
    for name, instance in instances.items():
        assert instance["Properties"].get("PubliclyAccessible") is False, name
        assert instance["Properties"]["VPCSecurityGroups"] == [{"Ref": "DatabaseGroupId"}], name
    name, group = only(of_type(templates["database"], "AWS::RDS::DBSubnetGroup").items())
    assert group["Properties"]["SubnetIds"] == {"Ref": "IsolatedSubnetIds"}
    # Without one, RDS takes the subnets of the account's default VPC, which are public. A replica has its source's.
    assert instances["Database"]["Properties"].get("DBSubnetGroupName") == {"Ref": name}


def check_database_demands_tls(templates: Templates) -> None:
    groups = of_type(templates["database"], "AWS::RDS::DBParameterGroup")
    for name, instance in of_type(templates["database"], "AWS::RDS::DBInstance").items():
        group = groups[instance["Properties"]["DBParameterGroupName"]["Ref"]]
        assert group["Properties"]["Parameters"].get("rds.force_ssl") == "1", name


def check_backups_of_a_week_outlive_the_database(templates: Templates) -> None:
    for replica in ("true", "false"):
        database = only(_sources(templates, replica))
        assert database.get("BackupRetentionPeriod") == 7
        assert database.get("DeleteAutomatedBackups") is False
        assert database.get("CopyTagsToSnapshot") is True


def check_master_password_is_managed_or_generated_and_never_both(templates: Templates) -> None:
    for replica in ("true", "false"):
        resources = resolved(templates["database"], DatabaseReadReplica=replica, OfficeHoursOnly="false")
        database = only(_sources(templates, replica))
        managed = database.get("ManageMasterUserPassword") is True
        generated = database.get("MasterUserPassword", "").startswith("{{resolve:secretsmanager:")
        assert managed != generated, replica
        assert managed == ("MasterUserSecret" in database), replica
        assert generated == ("MasterUserPassword" in database), replica
        assert generated == ("MasterSecret" in resources) == ("MasterSecretAttachment" in resources), replica
        if managed:
            assert database["MasterUserSecret"] == {"KmsKeyId": {"Ref": "DataKeyArn"}}


def _sources(templates: Templates, replica: str) -> list[dict[str, Any]]:
    """Return the properties of the database instances that are no replicas."""
    return [
        resource["Properties"]
        for resource in resolved(templates["database"], DatabaseReadReplica=replica, OfficeHoursOnly="false").values()
        if resource["Type"] == "AWS::RDS::DBInstance" and "SourceDBInstanceIdentifier" not in resource["Properties"]
    ]


# Storage


def check_session_table_is_encrypted_and_recoverable(templates: Templates) -> None:
    table = only(of_type(templates["storage"], "AWS::DynamoDB::Table").values())
    with_our_key = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "DataKeyArn"}}
    assert table["Properties"].get("SSESpecification") == with_our_key
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def check_file_system_is_encrypted_and_backed_up(templates: Templates) -> None:
    file_system = only(of_type(templates["storage"], "AWS::EFS::FileSystem").values())
    assert file_system["Properties"].get("Encrypted") is True
    assert file_system["Properties"].get("KmsKeyId") == {"Ref": "DataKeyArn"}
    assert file_system["Properties"]["BackupPolicy"] == {"Status": "ENABLED"}


def check_file_system_is_mounted_through_an_access_point(templates: Templates) -> None:
    """By the role's policy and by its own: in one account either of them would be enough to mount the root."""
    file_system = only(of_type(templates["storage"], "AWS::EFS::FileSystem").values())
    allowed = [s for s in file_system["Properties"]["FileSystemPolicy"]["Statement"] if s["Effect"] == "Allow"]
    access_points = "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/*"
    expected = {"elasticfilesystem:AccessPointArn": {"Fn::Sub": access_points}}
    assert only(allowed)["Condition"].get("ArnLike") == expected
    mounting = [
        statement
        for _, statement in identity_statements(templates["storage"])
        if "elasticfilesystem:ClientMount" in statement["Action"]
    ]
    point = {"elasticfilesystem:AccessPointArn": {"Fn::GetAtt": ["ImagesAccessPoint", "Arn"]}}
    assert [statement.get("Condition") for statement in mounting] == 2 * [{"StringEquals": point}]


def check_file_system_demands_tls(templates: Templates) -> None:
    file_system = only(of_type(templates["storage"], "AWS::EFS::FileSystem").values())
    policy = file_system["Properties"]["FileSystemPolicy"]
    granted = {
        action for statement in policy["Statement"] if statement["Effect"] == "Allow" for action in statement["Action"]
    }
    refused = only(_refusals_of_plain_text(policy))
    assert granted | {"elasticfilesystem:ClientRootAccess"} <= set(refused["Action"])


def check_buckets_are_encrypted(templates: Templates) -> None:
    of_the_tools_account = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["ArtifactKey", "Arn"]}}
    expected = {
        # Load balancers and S3 deliver access logs only to buckets with S3's own keys.
        "LogBucket": {"SSEAlgorithm": "AES256"},
        "AccessLogBucket": {"SSEAlgorithm": "AES256"},
        "EdgeLogBucket": {"SSEAlgorithm": "AES256"},
        "TrailAccessLogBucket": {"SSEAlgorithm": "AES256"},
        "TrailBucket": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["TrailKey", "Arn"]}},
        # Everybody may read the website, through CloudFront.
        "WebsiteBucket": {"SSEAlgorithm": "AES256"},
        "WebsiteReplica": {"SSEAlgorithm": "AES256"},
        "ReleaseBucket": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "DataKeyArn"}},
        "ReleasesReplica": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["RecoveryKey", "Arn"]}},
        "ArtifactBucket": of_the_tools_account,
        "SourceBucket": of_the_tools_account,
        "TemplateBucket": of_the_tools_account,
    }
    buckets = dict(all_buckets(templates))
    assert buckets.keys() == expected.keys()
    for name, bucket in buckets.items():
        encryption = bucket["Properties"].get("BucketEncryption", {})
        rule = only(encryption.get("ServerSideEncryptionConfiguration", []))
        assert rule.get("ServerSideEncryptionByDefault") == expected[name], name


def check_buckets_are_private_and_versioned(templates: Templates) -> None:
    for name, bucket in all_buckets(templates):
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"]) == {
            "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
        }, name  # fmt: skip
        assert all(value is True for value in properties["PublicAccessBlockConfiguration"].values()), name
        # CloudFront's log delivery asks for an access control list.
        ownership = "BucketOwnerPreferred" if name == "EdgeLogBucket" else "BucketOwnerEnforced"
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": ownership}]}, name
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, name


def check_buckets_demand_tls(templates: Templates) -> None:
    policies = {
        policy["Properties"]["Bucket"]["Ref"]: policy
        for template in templates.values()
        for policy in of_type(template, "AWS::S3::BucketPolicy").values()
    }
    for name, bucket in all_buckets(templates):
        refused = only(_refusals_of_plain_text(policies[name]["Properties"]["PolicyDocument"]))
        assert refused["Action"] == ["s3:*"], name
        bucket_arn = {"Fn::GetAtt": [name, "Arn"]}
        spellings = [{"Fn::Sub": ["${Bucket}/*", {"Bucket": bucket_arn}]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
        assert refused["Resource"] in [[bucket_arn, objects] for objects in spellings], name
        assert policies[name].get("Condition") == bucket.get("Condition"), name


def all_buckets(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every bucket of every template with its logical id."""
    for template in templates.values():
        yield from of_type(template, "AWS::S3::Bucket").items()


def _refusals_of_plain_text(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for statement in policy["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]


# Ingress


def check_http_is_redirected_to_https(templates: Templates) -> None:
    plain = [
        listener["Properties"]
        for listener in of_type(templates["ingress"], "AWS::ElasticLoadBalancingV2::Listener").values()
        if listener["Properties"]["Protocol"] != "HTTPS"
    ]
    assert [(listener["Port"], listener["Protocol"]) for listener in plain] == [("80", "HTTP")]
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    assert plain[0]["DefaultActions"] == [{"Type": "redirect", "RedirectConfig": redirect}]


def check_tls_is_1_2_or_higher(templates: Templates) -> None:
    encrypted = [
        listener["Properties"]
        for listener in of_type(templates["ingress"], "AWS::ElasticLoadBalancingV2::Listener").values()
        if listener["Properties"]["Protocol"] == "HTTPS"
    ]
    assert [listener["Port"] for listener in encrypted] == ["443"]
    assert encrypted[0].get("SslPolicy") in TLS_1_2_OR_HIGHER
    body = web_server_script(templates)
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in body, "web servers"


def check_load_balancer_refuses_malformed_requests_and_keeps_logs(templates: Templates) -> None:
    load_balancer = only(of_type(templates["ingress"], "AWS::ElasticLoadBalancingV2::LoadBalancer").values())
    attributes = {item["Key"]: item["Value"] for item in load_balancer["Properties"]["LoadBalancerAttributes"]}
    assert attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true"
    assert attributes.get("routing.http.desync_mitigation_mode") == "strictest"
    assert attributes.get("access_logs.s3.enabled") == "true"
    assert attributes.get("access_logs.s3.bucket") == {"Ref": "LogBucketName"}
    policy = templates["storage"]["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]
    allowed = only([statement for statement in policy["Statement"] if statement["Sid"] == "LoadBalancerAccessLogs"])
    where = only(allowed["Resource"])
    assert where["Fn::Sub"][0] == f"${{Bucket}}/{attributes['access_logs.s3.prefix']}/AWSLogs/${{AWS::AccountId}}/*"


# Web tier


def check_servers_have_no_public_address(templates: Templates) -> None:
    for name in ("LaunchTemplate", "GreenLaunchTemplate"):
        data = templates["web_tier"]["Resources"][name]["Properties"]["LaunchTemplateData"]
        assert data["NetworkInterfaces"], name
        for interface in data["NetworkInterfaces"]:
            assert interface.get("AssociatePublicIpAddress") is False, name
            assert "SubnetId" not in interface, name
    for name, group in of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").items():
        assert group["Properties"]["VPCZoneIdentifier"] == {"Ref": "PrivateSubnetIds"}, name


def check_metadata_is_served_with_tokens_only(templates: Templates) -> None:
    for name, data in _launch_templates(templates):
        assert data.get("MetadataOptions", {}).get("HttpTokens") == "required", name
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1, name


def check_servers_have_no_ssh_key(templates: Templates) -> None:
    for name, data in _launch_templates(templates):
        assert "KeyName" not in data, name


def check_servers_are_monitored_in_detail(templates: Templates) -> None:
    for name, data in _launch_templates(templates):
        assert data.get("Monitoring") == {"Enabled": True}, name


def check_volumes_are_encrypted(templates: Templates) -> None:
    for name, data in _launch_templates(templates):
        assert data["BlockDeviceMappings"], name
        for mapping in data["BlockDeviceMappings"]:
            assert mapping["Ebs"].get("Encrypted") is True, name
            assert mapping["Ebs"]["VolumeType"] == "gp3", name


def _launch_templates(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each kind of server is made of: web servers and bastion."""
    found = {
        name: launch_template["Properties"]["LaunchTemplateData"]
        for template in templates.values()
        for name, launch_template in of_type(template, "AWS::EC2::LaunchTemplate").items()
    }
    assert found.keys() == {"LaunchTemplate", "GreenLaunchTemplate", "BastionLaunchTemplate"}
    yield from found.items()


def web_server_script(templates: Templates) -> str:
    """Return what web servers of either colour run, below their settings."""
    bodies = {
        data["UserData"]["Fn::Base64"]["Fn::Join"][1][1]
        for name, data in _launch_templates(templates)
        if name != "BastionLaunchTemplate"
    }
    return str(only(bodies))


# Platform


OF_A_DOMAIN = ("DistributionDomainName", "OriginSecretArn")
"""What stacks behind CloudFront take of it, where a domain leads through it to them."""


def check_each_value_comes_from_where_its_name_says(templates: Templates) -> None:
    """A nested stack's parameter gets the output of the same name, or the root's parameter of the same name.

    The database may be named, so that nobody waits for it. What a stack gives out that is not always there is else
    "none", and so is what belongs to a domain. A list travels as one string.

    The types of a boundary cannot tell the private subnets from the public ones, or one security group from another: a
    swap of the two would pass every other check.
    """
    root = templates["platform"]
    database = templates["database"]["Resources"]
    named = {
        "DatabaseId": database["Database"]["Properties"]["DBInstanceIdentifier"],
        "DatabaseReplicaId": database["ReadReplica"]["Properties"]["DBInstanceIdentifier"],
    }
    origins: dict[str, list[dict[str, Any]]] = {}
    for module, template in templates.items():
        if module not in ROOTS:
            condition = root["Resources"][stack_logical_id(module)].get("Condition")
            for output in template["Outputs"]:
                given = {"Fn::GetAtt": [stack_logical_id(module), f"Outputs.{output}"]}
                origins.setdefault(output, []).append({"Fn::If": [condition, given, "none"]} if condition else given)
    for name, stack in of_type(root, "AWS::CloudFormation::Stack").items():
        for parameter, value in stack["Properties"]["Parameters"].items():
            fallback = origins.get(parameter, [{"Ref": parameter}])
            as_one_string = {"Fn::Join": [",", {"Ref": parameter}]}
            of_domain = [{"Fn::If": ["HasDomain", each, "none"]} for each in fallback if parameter in OF_A_DOMAIN]
            assert value in (*(of_domain or fallback), named.get(parameter), as_one_string), (name, parameter)
            assert len(fallback) == 1, f"{parameter} is an output of several stacks"


def check_web_tier_waits_for_the_way_out(templates: Templates) -> None:
    assert "Egress" in templates["platform"]["Resources"]["WebTier"].get("DependsOn", [])


# All templates


def check_logs_are_encrypted_and_kept_a_week(templates: Templates) -> None:
    """But for those that say who did what: an environment says how long they are kept, and they outlive their stack."""
    audit = {"AccessLogGroup", "TrailLogGroup"}
    keys = {
        "pipeline": {"Ref": "ArtifactKeyArn"},
        "global_edge": {"Fn::GetAtt": ["LogsKey", "Arn"]},
        "audit_trail": {"Fn::GetAtt": ["TrailKey", "Arn"]},
    }
    groups = [
        (module, name, group["Properties"])
        for module, template in templates.items()
        for name, group in of_type(template, "AWS::Logs::LogGroup").items()
    ]
    assert groups
    assert audit <= {name for _, name, _ in groups}
    for module, name, properties in groups:
        assert properties.get("RetentionInDays") == ({"Ref": "AuditRetentionDays"} if name in audit else 7), name
        kept = templates[module]["Resources"][name].get("DeletionPolicy")
        assert kept == ("RetainExceptOnCreate" if name in audit else "Delete"), name
        assert properties.get("KmsKeyId") == keys.get(module, {"Ref": "LogsKeyArn"}), name


MADE_UP_WITH_THEIR_STACK = ("ApplicationSecret", "TestSecret")
"""Secrets that mean nothing without it."""


def check_data_outlives_its_stack(templates: Templates) -> None:
    kept = {
        "AWS::DynamoDB::Table": {"Retain", "RetainExceptOnCreate"},
        "AWS::EFS::FileSystem": {"Retain", "RetainExceptOnCreate"},
        "AWS::KMS::Key": {"Retain", "RetainExceptOnCreate"},
        "AWS::RDS::DBInstance": {"Snapshot"},
        "AWS::S3::Bucket": {"Retain", "RetainExceptOnCreate"},
        "AWS::SecretsManager::Secret": {"Retain", "RetainExceptOnCreate"},
    }
    for template in templates.values():
        for name, resource in template["Resources"].items():
            of_no_use = name in MADE_UP_WITH_THEIR_STACK or "SourceDBInstanceIdentifier" in resource["Properties"]
            if resource["Type"] in kept and not of_no_use:
                assert resource.get("DeletionPolicy") in kept[resource["Type"]], name
                assert resource.get("UpdateReplacePolicy") in kept[resource["Type"]] - {"RetainExceptOnCreate"}, name


def check_nothing_refers_to_what_may_be_absent(templates: Templates) -> None:
    """A resource with a condition is named only where the condition holds: by a resource with it, or inside an If."""
    for module, template in templates.items():
        users = [*template["Resources"].items(), *template.get("Outputs", {}).items()]
        for name, user in users:
            facts = frozenset({user["Condition"]} if "Condition" in user else ())
            content = {key: value for key, value in user.items() if key not in ("Type", "Condition", "DependsOn")}
            for target, also in references(content, facts):
                condition = template["Resources"].get(target, {}).get("Condition")
                if condition:
                    assert implies(template, also, condition), (module, name, target, condition)


NOT_WRITTEN_BY_HAND = ("boundaries", "deployment_policies", "deployment_policies_services")
"""Templates with rules of their own: borders, which grant nothing, and rights that are computed from the templates."""


def check_identity_policies_name_what_they_allow(templates: Templates) -> None:
    """No identity policy allows an action by wildcard, or anything on every resource, but for these."""
    on_every_resource = {
        "FindTheLogGroup": "Session Manager's agent looks for its log group among all.",
        "SeeWhatIsThere": "Lists and descriptions, which IAM limits to no resource.",
        "AskingWhatIsThere": "Lists and descriptions, which IAM limits to no resource.",
        "SeeTheImage": "Whether an image exists is asked of all images.",
        "SeeingStacks": "Whether a stack exists is asked of all stacks.",
        "SeeNamesOfBuckets": "The names of all buckets are one question.",
        "CopiesIntoOurVaults": "Any store's backup may be copied; a condition confines where it goes.",
        "ListContainers": "Services and tasks are listed of none; a condition confines the cluster.",
        "AcknowledgePages": "Metrics have no ARN; a condition confines the namespace.",
        "CountVisits": "Metrics have no ARN; a condition confines the namespace.",
        "SessionManager": "AWS defines no resource for these actions; a managed instance is reached through them.",
        "WriteMetrics": "Metrics have no ARN; a condition confines the namespace.",
        "WriteTraces": "Traces have no ARN.",
        "LogInToTheRegistry": "A token is good for all repositories; what it is used for, other statements allow.",
        "SayThatItIsClosed": "Metrics have no ARN; a condition confines the namespace.",
        "SeeOwnHealth": "IAM limits the description of targets' health to no resource.",
    }
    for template in (templates[module] for module in templates.keys() - set(NOT_WRITTEN_BY_HAND)):
        for name, statement in identity_statements(template):
            if statement["Effect"] != "Allow":
                continue
            assert not [action for action in statement["Action"] if "*" in action], (name, statement["Sid"])
            assert "NotAction" not in statement, (name, statement["Sid"])
            assert "NotResource" not in statement, (name, statement["Sid"])
            assert ("*" in statement["Resource"]) == (statement["Sid"] in on_every_resource), (name, statement["Sid"])


def identity_statements(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the statements of every policy that belongs to a role, with the logical id of its owner."""
    for resource_type, key in (
        ("AWS::IAM::Policy", "PolicyDocument"),
        ("AWS::IAM::ManagedPolicy", "PolicyDocument"),
        ("AWS::IAM::Role", "Policies"),
        ("AWS::IAM::User", "Policies"),
        ("AWS::IAM::Group", "Policies"),
    ):
        for name, resource in of_type(template, resource_type).items():
            for document in policy_documents(resource["Properties"].get(key, NO_VALUE)):
                yield from ((name, statement) for statement in document["Statement"])

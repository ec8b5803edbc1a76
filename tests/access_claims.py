"""What access, identity and boundaries promise, as functions over the rendered templates.

Like `tests.claims`: each `check_…` function holds one promise, and `test_mutations` sees each of them fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from generator.naming import DELIVERY_BOUNDARY, OPERATOR_BOUNDARY, WORKLOAD_BOUNDARY
from tests.claims import ACCESS_MODES, VPN_CIDR, identity_statements, only
from tests.intrinsics import Template, Templates, of_type, resolved, walk

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
WORKFLOW = "repo:my-team/my-shop:ref:refs/heads/main"
EVERYTHING = {
    "ZoneCount": "3",
    "VpnGatewayAddress": "198.51.100.10",
    "VpnCidr": VPN_CIDR,
    "FederatedSubject": WORKFLOW,
    "EnvironmentName": "dev",
    "PublicSubnetIds": "public",
    "PrivateSubnetIds": "private",
}
NOTHING = EVERYTHING | {"VpnGatewayAddress": "", "VpnCidr": "", "FederatedSubject": ""}

DELIVERING = ("pipeline", "target_account")
"""Templates whose roles deliver; all others belong to the platform."""

STRONG = {
    "IKEVersions": ["ikev2"],
    "Phase1EncryptionAlgorithms": ["AES256-GCM-16"],
    "Phase1IntegrityAlgorithms": ["SHA2-384"],
    "Phase1DHGroupNumbers": [20],
    "Phase2EncryptionAlgorithms": ["AES256-GCM-16"],
    "Phase2IntegrityAlgorithms": ["SHA2-384"],
    "Phase2DHGroupNumbers": [20],
}


# Boundaries


def check_every_role_and_user_has_the_boundary_of_its_kind(templates: Templates) -> None:
    found = 0
    for module, template in templates.items():
        of_roles = DELIVERY_BOUNDARY if module in DELIVERING else WORKLOAD_BOUNDARY
        for resource_type, name in (("AWS::IAM::Role", of_roles), ("AWS::IAM::User", OPERATOR_BOUNDARY)):
            expected = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{name}"}
            for title, principal in of_type(template, resource_type).items():
                assert principal["Properties"].get("PermissionsBoundary") == expected, (module, title)
                found += 1
    assert found


def check_boundaries_have_the_names_that_roles_give(templates: Templates) -> None:
    policies = of_type(templates["boundaries"], "AWS::IAM::ManagedPolicy")
    names = {policy["Properties"]["ManagedPolicyName"] for policy in policies.values()}
    assert names == {WORKLOAD_BOUNDARY, OPERATOR_BOUNDARY, DELIVERY_BOUNDARY}


def check_workloads_stay_in_their_account_and_away_from_iam(templates: Templates) -> None:
    allowed, denied = _boundary(templates, "WorkloadBoundary")
    of_this_account = [each for each in allowed if each["Sid"] != "ImagesOfThePlatform"]
    conditions = only(of_this_account)["Condition"]
    assert conditions.get("StringEqualsIfExists") == {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}
    images = only(each for each in allowed if each not in of_this_account)
    assert images["Resource"] == [{"Fn::Sub": "arn:${AWS::Partition}:ecr:*:*:repository/web-platform/*"}]
    reading = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    assert set(images["Action"]) == reading, "only reading images goes beyond the account"
    assert all("aws:RequestedRegion" in statement["Condition"]["StringEquals"] for statement in allowed)
    never = ["iam:PassRole", "sts:AssumeRole", "organizations:LeaveOrganization", "kms:PutKeyPolicy"]
    never += ["kms:ScheduleKeyDeletion", "logs:DeleteLogGroup", "s3:PutBucketPolicy", "s3:DeleteObject"]
    for action in never:
        assert _names(denied, action), action
    never += ["ec2:AuthorizeSecurityGroupIngress", "ec2:RunInstances", "cloudformation:UpdateStack"]
    never += ["rds:DeleteDBInstance", "lambda:CreateFunction", "ssm:SendCommand", "autoscaling:UpdateAutoScalingGroup"]
    for action in never:
        assert not _names(allowed, action), action


def check_what_the_platforms_roles_may_do_is_within_their_boundary(templates: Templates) -> None:
    """A right outside the boundary is none: it would fail where it is used, and nowhere before."""
    allowed, denied = _boundary(templates, "WorkloadBoundary")
    for module, template in templates.items():
        if module in (*DELIVERING, "boundaries", "deployment_policies", "deployment_policies_services"):
            continue
        for title, statement in identity_statements(template):
            for action in statement["Action"] if title != "OperatorGroup" else ():
                assert _names(allowed, action), (module, title, action)
                assert not _names(denied, action), (module, title, action)


def check_users_reach_themselves_and_roles_with_mfa(templates: Templates) -> None:
    allowed, denied = _boundary(templates, "OperatorBoundary")
    account = "arn:${AWS::Partition}:iam::${AWS::AccountId}:"
    for statement in allowed:
        if statement["Action"] == ["sts:AssumeRole"]:
            assert statement.get("Condition") == WITH_MFA
            assert statement["Resource"] == [{"Fn::Sub": f"{account}role/web-platform-*"}]
        else:
            own = [{"Fn::Sub": f"{account}{kind}/${{!aws:username}}"} for kind in ("user", "mfa")]
            assert statement["Resource"] == own
            assert not [action for action in statement["Action"] if "AccessKey" in action or "Login" in action]
            assert {action.partition(":")[0] for action in statement["Action"]} == {"iam"}
    refused = [resource["Fn::Sub"].removeprefix(f"{account}role/") for resource in only(denied)["Resource"]]
    for role in _names_of_delivering_roles(templates):
        assert any(fnmatchcase(role, pattern) for pattern in refused), role


def check_delivery_cannot_leave_its_border(templates: Templates) -> None:
    """No boundary changed or taken off, no role without one, no bootstrap role touched, no key for people."""
    allowed, denied = _boundary(templates, "DeliveryBoundary")
    for statement in allowed:
        assert "*" not in statement["Action"] or "aws:RequestedRegion" in statement["Condition"]["StringEquals"]
    always = [statement for statement in denied if statement["Resource"] == ["*"] and "Condition" not in statement]
    for action in (
        *("iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion"),
        *("iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"),
        *("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"),
        *("organizations:LeaveOrganization", "account:CloseAccount", "cloudtrail:StopLogging"),
    ):
        assert _names(always, action), action
    for kind, boundary in (("Role", WORKLOAD_BOUNDARY), ("User", OPERATOR_BOUNDARY)):
        other = {
            "StringNotEquals": {
                "iam:PermissionsBoundary": {
                    "Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{boundary}"
                }
            }
        }
        unbounded = [statement for statement in denied if statement.get("Condition") == other]
        actions = (f"iam:Create{kind}", f"iam:Put{kind}PermissionsBoundary", f"iam:Attach{kind}Policy")
        for action in (*actions, f"iam:Put{kind}Policy"):
            assert _names(unbounded, action), action
    of_bootstrap = only(statement for statement in denied if statement["Resource"] != ["*"])
    patterns = [resource["Fn::Sub"].rpartition("role/")[2] for resource in of_bootstrap["Resource"]]
    for role in _names_of_delivering_roles(templates):
        assert any(fnmatchcase(role, pattern) for pattern in patterns), role
    for action in ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole"):
        assert _names([of_bootstrap], action), action


def _boundary(templates: Templates, title: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what a boundary allows and what it denies."""
    policy = templates["boundaries"]["Resources"][title]["Properties"]["PolicyDocument"]
    by_effect: dict[str, list[dict[str, Any]]] = {"Allow": [], "Deny": []}
    for statement in policy["Statement"]:
        by_effect[statement["Effect"]].append(statement)
    return by_effect["Allow"], by_effect["Deny"]


def _names(statements: list[dict[str, Any]], action: str) -> bool:
    return any(fnmatchcase(action, pattern) for statement in statements for pattern in statement["Action"])


def _names_of_delivering_roles(templates: Templates) -> Iterator[str]:
    for module in DELIVERING:
        for title, role in of_type(templates[module], "AWS::IAM::Role").items():
            # The pipeline's stack is called after the pipeline, and names its other roles itself.
            yield role["Properties"].get("RoleName", f"web-platform-{module}-{title}-1ABC")


# Operators


def check_nobody_gets_a_key_or_a_password(templates: Templates) -> None:
    for module, template in templates.items():
        assert not of_type(template, "AWS::IAM::AccessKey"), module
        for title, user in of_type(template, "AWS::IAM::User").items():
            assert {"LoginProfile", "Policies", "ManagedPolicyArns"}.isdisjoint(user["Properties"]), title


def check_an_operators_user_may_only_become_operator(templates: Templates) -> None:
    """With MFA; and care for its own password and device, which can be given up with that device alone."""
    template = templates["access"]
    group, properties = only(of_type(template, "AWS::IAM::Group").items())
    user = only(of_type(template, "AWS::IAM::User").values())["Properties"]
    assert user["Groups"] == [{"Ref": group}]
    assert "ManagedPolicyArns" not in properties["Properties"]
    own = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{kind}/${{!aws:username}}"} for kind in
           ("user", "mfa")]  # fmt: skip
    for _, statement in identity_statements({"Resources": {group: template["Resources"][group]}}):
        actions = set(statement["Action"])
        if actions == {"sts:AssumeRole"}:
            assert statement["Resource"] == [{"Fn::GetAtt": ["OperatorRole", "Arn"]}]
            assert statement.get("Condition") == WITH_MFA
            continue
        assert all(resource in own for resource in statement["Resource"]), statement["Sid"]
        assert all(action.startswith("iam:") for action in actions), statement["Sid"]
        if actions & {"iam:DeactivateMFADevice", "iam:DeleteVirtualMFADevice"}:
            assert statement.get("Condition") == WITH_MFA
        allowed = {"iam:CreateVirtualMFADevice", "iam:ChangePassword", "iam:GetUser"}
        assert all(action in allowed or action.endswith(("MFADevice", "MFADevices")) for action in actions)


def check_operators_show_their_device_within_the_hour(templates: Templates) -> None:
    role = templates["access"]["Resources"]["OperatorRole"]["Properties"]
    trust = only(role["AssumeRolePolicyDocument"]["Statement"])
    assert trust["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert trust.get("Condition") == WITH_MFA | {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    assert role["MaxSessionDuration"] == 3600


def check_operators_change_no_resource(templates: Templates) -> None:
    """They look, replace servers and tasks, count servers, continue or end a deployment of containers, acknowledge
    pages, log in to the database and enter the bastion: what templates say stays true.
    """
    beyond_looking = {
        "autoscaling:StartInstanceRefresh",
        "autoscaling:CancelInstanceRefresh",
        "autoscaling:ResumeProcesses",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "cloudwatch:PutMetricData",
        "ec2-instance-connect:SendSSHPublicKey",
        "ecs:ContinueServiceDeployment",
        "ecs:StopServiceDeployment",
        "ecs:StopTask",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:FilterLogEvents",
        "logs:StartQuery",
        "logs:StopQuery",
        "rds-db:connect",
        "ssm:ResumeSession",
        "ssm:StartSession",
        "ssm:TerminateSession",
        "ssmmessages:OpenDataChannel",
    }
    found = {action for statement in _rights(templates, "OperatorRole") for action in statement["Action"]}
    looking = {
        action for action in found if action.partition(":")[2].startswith(("BatchGet", "Describe", "Get", "List"))
    }
    assert found - looking == beyond_looking
    secrets = [each for each in _rights(templates, "OperatorRole") if "secretsmanager:GetSecretValue" in each["Action"]]
    assert [action for action in looking if "Secret" in action] == ["secretsmanager:GetSecretValue"]
    [of_tests] = only(secrets)["Resource"]
    assert of_tests["Fn::Sub"].endswith(":secret:TestSecret-*"), "which opens a new version, and no data"


def check_operators_reach_their_environment_alone(templates: Templates) -> None:
    for statement in _rights(templates, "OperatorRole"):
        for resource in statement["Resource"]:
            if isinstance(resource, dict) and "Fn::Sub" in resource:
                text = resource["Fn::Sub"]
                tied = "web-platform-${EnvironmentName}" in text or "web-platform/${EnvironmentName}/" in text
                tied = tied or "${SessionDocument}" in text or ":session/" in text or ":dbuser:" in text
                assert tied or "Condition" in statement, (statement["Sid"], text)


# Bastion


def check_sessions_are_on_the_bastion_and_recorded(templates: Templates) -> None:
    starting = [
        statement for statement in _rights(templates, "OperatorRole") if "ssm:StartSession" in statement["Action"]
    ]
    machine, how = starting
    assert machine["Action"] == how["Action"] == ["ssm:StartSession"]
    condition = machine.get("Condition", {})
    assert condition.get("BoolIfExists") == {"ssm:SessionDocumentAccessCheck": "true"}
    bastion = {"Fn::Sub": "web-platform-${EnvironmentName}-bastion"}
    assert condition.get("StringEquals", {}).get("ssm:resourceTag/Name") == bastion
    assert [resource["Fn::Sub"].rpartition(":")[2] for resource in how["Resource"]] == ["document/${SessionDocument}"]
    inputs = templates["access"]["Resources"]["SessionDocument"]["Properties"]["Content"]["inputs"]
    assert inputs.get("cloudWatchLogGroupName") == {"Ref": "AccessLogGroup"}
    assert inputs.get("cloudWatchEncryptionEnabled") is True
    assert inputs.get("cloudWatchStreamingEnabled") is True
    assert inputs.get("kmsKeyId") == {"Fn::GetAtt": ["SessionKey", "Arn"]}
    assert 1 <= int(inputs["idleSessionTimeout"]) <= int(inputs["maxSessionDuration"]) <= 60


def check_the_name_that_operators_may_enter_is_the_bastions(templates: Templates) -> None:
    data = templates["access"]["Resources"]["BastionLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    tags = only(each["Tags"] for each in data["TagSpecifications"] if each["ResourceType"] == "instance")
    given = {tag["Key"]: tag["Value"] for tag in tags}
    entering = ("ssm:StartSession", "ec2-instance-connect:SendSSHPublicKey")
    found = 0
    for statement in _rights(templates, "OperatorRole"):
        if set(statement["Action"]) & set(entering) and "Condition" in statement:
            wanted = {
                key.partition("/")[2]: value
                for key, value in statement["Condition"]["StringEquals"].items()
                if "ResourceTag/" in key or "resourceTag/" in key
            }
            assert wanted.keys() == {"Name", "Project"}
            assert wanted.items() <= given.items()
            found += 1
    assert found == len(entering)


def check_the_bastion_stands_where_its_mode_says(templates: Templates) -> None:
    for mode in ACCESS_MODES:
        resources = access(templates, mode)
        assert ("Bastion" in resources) == (mode != "none"), mode
        if mode == "none":
            continue
        group = resources["Bastion"]["Properties"]
        data = resources["BastionLaunchTemplate"]["Properties"]["LaunchTemplateData"]
        interface = only(data["NetworkInterfaces"])
        expected = ("public", True) if mode == "ssh" else ("private", False)
        assert (group["VPCZoneIdentifier"], interface.get("AssociatePublicIpAddress")) == expected, mode
        assert interface["Groups"] == [{"Ref": "BastionGroupId"}]
        assert data["InstanceType"] == "t3.micro"
        assert (group["MinSize"], group["MaxSize"]) == ("1", "1")


def check_the_bastion_has_the_rights_of_its_mode(templates: Templates) -> None:
    write = {"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"}
    channels = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
    sessions = {"ssm:UpdateInstanceInformation", "logs:DescribeLogGroups", "kms:Decrypt"}
    sessions |= {f"ssmmessages:{name}" for name in channels}
    for mode, expected in {"ssm": write | sessions, "ssh": write}.items():
        role = access(templates, mode)["BastionRole"]
        rights = [s for policy in role["Properties"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
        assert {action for statement in rights for action in statement["Action"]} == expected, mode


def check_nothing_of_the_platform_waits_for_access(templates: Templates) -> None:
    """But for the alarms: the one on the VPN has to know which it is, and no visitor waits for alarms."""
    for name, stack in templates["platform"]["Resources"].items():
        if name == "Observability":
            continue
        assert "Access" not in stack.get("DependsOn", []), name
        assert not [value for value in walk(stack["Properties"]) if value == "Access"], name
    assert "Egress" in templates["platform"]["Resources"]["Access"].get("DependsOn", []), "its packages"


# VPN and federation


def check_what_is_not_asked_for_is_not_there(templates: Templates) -> None:
    types = {resource["Type"] for resource in access(templates, "none", NOTHING).values()}
    assert types == {"AWS::IAM::Role", "AWS::IAM::Group", "AWS::IAM::User"}


def check_the_vpn_speaks_strong_algorithms_only(templates: Templates) -> None:
    connection = access(templates, "none")["VpnConnection"]["Properties"]
    tunnels = connection.get("VpnTunnelOptionsSpecifications", [])
    assert len(tunnels) == 2, "a tunnel without options takes everything that AWS offers"
    for tunnel in tunnels:
        assert {name: [item["Value"] for item in tunnel.get(name, [])] for name in STRONG} == STRONG
        log = tunnel.get("LogOptions", {}).get("CloudwatchLogOptions", {})
        assert log.get("LogEnabled") is True
        assert log["LogGroupArn"].endswith(":log-group:${VpnLogGroup}")
        assert "PreSharedKey" not in tunnel


def check_the_vpn_leads_to_public_and_private_subnets_only(templates: Templates) -> None:
    resources = access(templates, "none")
    tables = [{"Ref": "PublicRouteTableId"}]
    tables += [{"Fn::Select": [str(index), {"Ref": "PrivateRouteTableIds"}]} for index in range(3)]
    routes = [resource for resource in resources.values() if resource["Type"] == "AWS::EC2::Route"]
    assert [route["Properties"]["RouteTableId"] for route in routes] == tables
    for route in routes:
        assert route["Properties"]["DestinationCidrBlock"] == VPN_CIDR
        assert route["Properties"]["GatewayId"] == {"Ref": "VpnGateway"}
        assert route.get("DependsOn") == ["VpnGatewayAttachment"]
    assert not [name for name in resources if resources[name]["Type"].endswith("VPNGatewayRoutePropagation")]
    assert resources["VpnConnectionRoute"]["Properties"]["DestinationCidrBlock"] == VPN_CIDR
    assert resources["VpnDevice"]["Properties"]["IpAddress"] == EVERYTHING["VpnGatewayAddress"]


def check_only_the_named_workflow_publishes(templates: Templates) -> None:
    resources = access(templates, "none")
    host = "token.actions.githubusercontent.com"
    provider = resources["GitHost"]["Properties"]
    assert provider["Url"] == f"https://{host}"
    assert provider["ClientIdList"] == ["sts.amazonaws.com"]
    role = resources["PublisherRole"]["Properties"]
    trust = only(role["AssumeRolePolicyDocument"]["Statement"])
    assert trust["Principal"] == {"Federated": {"Ref": "GitHost"}}
    assert trust.get("Condition") == {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": WORKFLOW}}
    rights = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    put, find, encrypt = rights
    assert set(put["Action"]) == {"s3:GetObject", "s3:PutObject"}
    buckets = ("${ReleaseBucketName}/*.tar.gz", "${WebsiteBucketName}/*")
    assert put["Resource"] == [f"arn:${{AWS::Partition}}:s3:::{bucket}" for bucket in buckets]
    assert find["Action"] == ["cloudformation:DescribeStacks"]
    assert [where.rpartition(":")[2] for where in find["Resource"]] == ["stack/web-platform-dev/*"]
    assert set(encrypt["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert encrypt["Resource"] == [{"Ref": "DataKeyArn"}]
    assert encrypt["Condition"] == {"StringEquals": {"kms:ViaService": "s3.${AWS::Region}.amazonaws.com"}}


def access(templates: Templates, mode: str, settings: dict[str, str] = EVERYTHING) -> Template:
    """Return the resources of the access stack that exist with an access mode."""
    return resolved(templates["access"], AccessMode=mode, **settings)


def _rights(templates: Templates, role: str) -> list[dict[str, Any]]:
    template = templates["access"]
    return [statement for _, statement in identity_statements({"Resources": {role: template["Resources"][role]}})]

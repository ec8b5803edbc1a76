"""What the platform promises of its containers, as functions over the rendered templates, like those of `claims`."""

from __future__ import annotations

import json
import re
from typing import Any

from generator.application_ports import APPLICATION_PORTS
from generator.naming import APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY
from generator.origin import ORIGIN_HEADER
from tests.claims import only
from tests.intrinsics import NO_VALUE, Template, Templates, of_type, references, resolved, walk

SETTINGS = {
    "EnvironmentName": "dev",
    "TargetProtocol": "HTTPS",
    "LoadBalancerAccess": "internet",
    "OriginSecretArn": "none",
    "ContainerSize": "small",
    "FargateSpotShare": "0",
    "ContainerTrafficShift": "all-at-once",
    "ContainerTestMinutes": "0",
    "ContainerBakeMinutes": "5",
    "OfficeHoursOnly": "false",
}
THROUGH_CLOUDFRONT = {"LoadBalancerAccess": "cloudfront", "OriginSecretArn": "a-secret"}

NOT_OF_DAILY_LIFE = {
    "EnvironmentName",
    "VpcId",
    "HttpsListenerArn",
    "TargetProtocol",
    "LoadBalancerAccess",
    "OriginSecretArn",
}
"""What the rule of production may depend on: nobody changes it to release, to scale, or to move to containers."""

SECRET_VALUE = "{{resolve:secretsmanager:${TestSecretArn}:SecretString}}"
ROLLING_BACK = {"DeploymentErrors", "DeploymentSlow", "DeploymentUnhealthy"}
GROUPS = {"BlueContainers", "GreenContainers"}


def containers(templates: Templates, **settings: str) -> Template:
    """Return what the stack is with some settings."""
    return {"Resources": resolved(templates["containers"], **SETTINGS | settings)}


def properties(template: Template, name: str) -> dict[str, Any]:
    """Return the properties of a resource."""
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def in_a_task(templates: Templates, **settings: str) -> dict[str, dict[str, Any]]:
    """Return the containers of a task by name."""
    definitions = properties(containers(templates, **settings), "TaskDefinition")["ContainerDefinitions"]
    return {definition["Name"]: definition for definition in definitions}


def service(templates: Templates, **settings: str) -> dict[str, Any]:
    """Return the properties of the service."""
    return properties(containers(templates, **settings), "Service")


def check_tasks_have_no_public_address(templates: Templates) -> None:
    """W2, and no group or subnet but those that are for them."""
    network = service(templates)["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network == {
        "AssignPublicIp": "DISABLED",
        "SecurityGroups": [{"Ref": "ContainersGroupId"}],
        "Subnets": {"Ref": "PrivateSubnetIds"},
    }


def check_containers_are_confined(templates: Templates) -> None:
    """No root, no capability, nothing written to the image, and nobody executes anything in a task (D5, D10)."""
    assert service(templates).get("EnableExecuteCommand") is False
    for name, container in in_a_task(templates).items():
        user, _, group = container["User"].partition(":")
        assert user not in ("", "0", "root"), name
        assert group not in ("", "0", "root"), name
        assert container.get("ReadonlyRootFilesystem") is True, name
        assert container.get("Privileged") is False, name
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}, name


def check_images_are_named_by_digest(templates: Templates) -> None:
    """One release means one image everywhere: a tag could be moved."""
    template = templates["containers"]
    images = {name: container["Image"] for name, container in in_a_task(templates).items()}
    assert images == {
        "application": {"Ref": "ApplicationImage"},
        "migration": {"Ref": "ApplicationImage"},
        "collector": {"Ref": "CollectorImage"},
    }
    for name in ("ApplicationImage", "CollectorImage"):
        allowed = template["Parameters"][name]["AllowedPattern"]
        registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"
        assert re.fullmatch(allowed, f"{registry}@sha256:{'a' * 64}"), name
        assert not re.fullmatch(allowed, f"{registry}:latest"), name
        assert not re.fullmatch(allowed, f"docker.io/library/shop@sha256:{'a' * 64}"), name


def check_secrets_are_in_no_task_definition(templates: Templates) -> None:
    """Whoever may describe tasks sees their variables: what is secret is named there, and read by ECS (D10)."""
    assert "{{resolve:" not in json.dumps(properties(containers(templates), "TaskDefinition"))
    for name, container in in_a_task(templates).items():
        told = {variable["Name"] for variable in container.get("Environment", [])}
        assert not [variable for variable in told if re.search("SECRET|PASSWORD|TOKEN|KEY", variable)], name
    secrets = {
        name: {secret["Name"]: secret["ValueFrom"] for secret in container.get("Secrets", [])}
        for name, container in in_a_task(templates).items()
    }
    shared = {"APPLICATION_SECRET": {"Ref": "ApplicationSecret"}}
    assert secrets["application"] == secrets["migration"] == shared
    assert secrets["collector"].keys() == {"AOT_CONFIG_CONTENT"}
    for name, secret in of_type(templates["containers"], "AWS::SecretsManager::Secret").items():
        assert secret["Properties"].get("KmsKeyId") == {"Ref": "DataKeyArn"}, name
        assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32, name
        assert "SecretString" not in secret["Properties"], name


def check_product_images_are_mounted_as_the_tasks_role_and_encrypted(templates: Templates) -> None:
    """E11, through the access point alone; the other volumes end with their task."""
    volumes = {volume["Name"]: volume for volume in properties(containers(templates), "TaskDefinition")["Volumes"]}
    shared = volumes.pop("product-images")["EFSVolumeConfiguration"]
    assert shared == {
        "FilesystemId": {"Ref": "FileSystemId"},
        "TransitEncryption": "ENABLED",
        "AuthorizationConfig": {"AccessPointId": {"Ref": "ImagesAccessPointId"}, "IAM": "ENABLED"},
    }
    assert all(volume.keys() == {"Name", "Host"} and volume["Host"] == {} for volume in volumes.values())
    mounted = [
        (mount["SourceVolume"], mount["ContainerPath"])
        for container in in_a_task(templates).values()
        for mount in container.get("MountPoints", [])
    ]
    assert {path for volume, path in mounted if volume == "product-images"} == {"/srv/product-images"}
    scratch = [volume for volume, path in mounted if path == "/tmp"]
    assert sorted(scratch) == sorted(volumes), "each container has a folder of its own to write to"


def check_targets_speak_what_the_environment_says(templates: Templates) -> None:
    """W4: the same protocol and port in target groups, task and service."""
    for protocol, port in APPLICATION_PORTS.items():
        found = containers(templates, TargetProtocol=protocol)
        groups = of_type(found, "AWS::ElasticLoadBalancingV2::TargetGroup")
        assert groups.keys() == GROUPS
        for name, group in groups.items():
            asked = {key: group["Properties"][key] for key in ("Protocol", "HealthCheckProtocol", "Port", "TargetType")}
            assert asked == {
                "Protocol": protocol,
                "HealthCheckProtocol": protocol,
                "Port": port,
                "TargetType": "ip",
            }, name
            assert group["Properties"]["HealthCheckPath"] == "/healthz", name
        application = in_a_task(templates, TargetProtocol=protocol)["application"]
        assert [mapping["ContainerPort"] for mapping in application["PortMappings"]] == [port]
        told = {variable["Name"]: variable["Value"] for variable in application["Environment"]}
        assert (told["PORT"], told["TARGET_PROTOCOL"]) == (str(port), protocol)
        [balancer] = service(templates, TargetProtocol=protocol)["LoadBalancers"]
        assert (balancer["ContainerName"], balancer["ContainerPort"]) == ("application", port)


def check_no_daily_setting_touches_the_rule_of_production(templates: Templates) -> None:
    """An update of the rule would send the template's weights, and with them visitors to a group without a task.

    Whatever the rule depends on counts, through all resources and conditions.
    """
    template = templates["containers"]
    seen: set[str] = set()
    following = ["ForwardToContainers"]
    while following:
        name = following.pop()
        for part in (template["Resources"].get(name), template["Conditions"].get(name)):
            named = {target for target, _ in references(part)} if part else set()
            chosen = {value["Fn::If"][0] for value in walk(part) if isinstance(value, dict) and "Fn::If" in value}
            following += [target for target in named | chosen if target not in seen]
            seen |= named | chosen
    made_here = template["Resources"].keys() | template["Conditions"].keys()
    assert {name for name in seen - made_here if not name.startswith("AWS::")} <= NOT_OF_DAILY_LIFE
    conditions = [resource["Condition"] for name, resource in template["Resources"].items() if "Condition" in resource]
    assert conditions == [], "whatever is there or not by a setting could take the rule with it"


def check_visitors_reach_the_version_that_ecs_says(templates: Templates) -> None:
    """Rule and test rule know both groups, and the service knows both rules: nothing else leads to a task (W1, D15)."""
    found = containers(templates)
    rules = of_type(found, "AWS::ElasticLoadBalancingV2::ListenerRule")
    assert rules.keys() == {"ForwardToContainers", "TestContainers"}
    for name, rule in rules.items():
        assert rule["Properties"]["ListenerArn"] == {"Ref": "HttpsListenerArn"}, name
        [action] = rule["Properties"]["Actions"]
        assert action.keys() == {"Type", "ForwardConfig"}, name
        weights = {group["TargetGroupArn"]["Ref"]: group["Weight"] for group in action["ForwardConfig"]["TargetGroups"]}
        assert weights == {"BlueContainers": 100, "GreenContainers": 0}, name
        assert "TargetGroupStickinessConfig" not in action["ForwardConfig"], (
            "a cookie would keep visitors from a rollback"
        )
    [balancer] = properties(found, "Service")["LoadBalancers"]
    assert balancer["TargetGroupArn"] == {"Ref": "BlueContainers"}
    assert balancer["AdvancedConfiguration"] == {
        "AlternateTargetGroupArn": {"Ref": "GreenContainers"},
        "ProductionListenerRule": {"Ref": "ForwardToContainers"},
        "TestListenerRule": {"Ref": "TestContainers"},
        "RoleArn": {"Fn::GetAtt": ["DeploymentRole", "Arn"]},
    }


def check_a_new_version_is_tested_by_who_knows_the_secret(templates: Templates) -> None:
    """And, where only CloudFront may ask, through our distribution: tests pass what visitors pass (D15)."""
    told = {"Fn::Sub": [SECRET_VALUE, {"TestSecretArn": {"Ref": "TestSecret"}}]}
    assert told in walk(properties(templates["containers"], "TestContainers"))
    for settings in ({}, THROUGH_CLOUDFRONT):
        rules = containers(templates, **settings)
        production, test = properties(rules, "ForwardToContainers"), properties(rules, "TestContainers")
        assert test["Priority"] < production["Priority"], "every path would come first"
        [paths] = [each for each in production["Conditions"] if each["Field"] == "path-pattern"]
        assert paths["PathPatternConfig"] == {"Values": ["/*"]}
        asked = [condition.get("HttpHeaderConfig", {}) for condition in test["Conditions"]]
        assert asked[0].get("HttpHeaderName") == "X-Web-Platform-Test"
        assert asked[0]["Values"] == [SECRET_VALUE]
        both = [*production["Conditions"], *test["Conditions"]]
        proofs = [each for each in both if each.get("HttpHeaderConfig", {}).get("HttpHeaderName") == ORIGIN_HEADER]
        assert len(proofs) == (2 if settings else 0)


def check_a_bad_version_is_rolled_back(templates: Templates) -> None:
    """Tasks that fail, an alarm, or nobody's approval in time: each gives everything back to the old version (D15)."""
    for shift, strategy in (("all-at-once", "BLUE_GREEN"), ("canary", "CANARY")):
        found = service(templates, ContainerTrafficShift=shift, ContainerTestMinutes="30")
        deployment = found["DeploymentConfiguration"]
        assert found["DeploymentController"] == {"Type": "ECS"}
        assert deployment["Strategy"] == strategy
        first = deployment.get("CanaryConfiguration", NO_VALUE)
        assert (first == {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}) == (strategy == "CANARY")
        assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        alarms = deployment["Alarms"]
        assert {name["Ref"] for name in alarms["AlarmNames"]} == ROLLING_BACK
        assert alarms["Enable"] is alarms["Rollback"] is True
        [hook] = deployment["LifecycleHooks"]
        assert hook["LifecycleStages"] == ["POST_TEST_TRAFFIC_SHIFT"]
        assert hook["TargetType"] == "PAUSE"
        assert hook["TimeoutConfiguration"] == {"TimeoutInMinutes": "30", "Action": "ROLLBACK"}
        assert deployment["BakeTimeInMinutes"] == "5"
    assert service(templates)["DeploymentConfiguration"]["LifecycleHooks"] == []


def check_alarms_of_a_deployment_see_both_versions(templates: Templates) -> None:
    """Blue and green take turns: an alarm that knew one of them would miss every second deployment."""
    for name in ROLLING_BACK:
        alarm = properties(templates["containers"], name)
        metrics = {query["Id"]: query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query}
        expression = only(query["Expression"] for query in alarm["Metrics"] if "Expression" in query)
        seen: dict[str, set[str]] = {}
        for identifier, metric in metrics.items():
            assert re.search(rf"\b{identifier}\b", expression), (name, identifier)
            given = {each["Name"]: each["Value"] for each in metric["Metric"]["Dimensions"]}
            assert given["LoadBalancer"] == {"Ref": "LoadBalancerFullName"}, name
            seen.setdefault(metric["Metric"]["MetricName"], set()).add(given["TargetGroup"]["Fn::GetAtt"][0])
        assert set(map(frozenset, seen.values())) == {frozenset(GROUPS)}, name
        assert alarm["EvaluationPeriods"] * 60 <= 180, f"{name}: a deployment is watched for minutes"


def check_never_more_tasks_than_servers_are_allowed(templates: Templates) -> None:
    """W8 for containers, outside a deployment: the parameter's own bound, and no number that an update would set."""
    target = properties(containers(templates), "ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == ({"Ref": "WebServerMinimum"}, {"Ref": "WebServerMaximum"})
    assert templates["containers"]["Parameters"]["WebServerMaximum"]["MaxValue"] == 3
    assert "DesiredCount" not in service(templates)
    assert target["ScheduledActions"] == []
    asleep = properties(containers(templates, OfficeHoursOnly="true"), "ScalableTarget")["ScheduledActions"]
    bounds = {action["ScheduledActionName"]: action["ScalableTargetAction"] for action in asleep}
    assert bounds["StopTasks"] == {"MinCapacity": 0, "MaxCapacity": 0}
    assert bounds["StartTasks"] == {
        "MinCapacity": {"Ref": "WebServerMinimum"},
        "MaxCapacity": {"Ref": "WebServerMaximum"},
    }


def check_tasks_follow_the_load(templates: Templates) -> None:
    """One more after 5 sustained minutes of either load, one fewer after 15 without both, and no faster (W8)."""
    template = templates["containers"]
    expected = {"TasksBusy": (5, 60, 1), "ManyRequests": (5, 60, 1), "TasksIdle": (3, 300, -1)}
    for name, (periods, seconds, step) in expected.items():
        alarm = properties(template, name)
        lengths = {query["MetricStat"]["Period"] for query in alarm.get("Metrics", []) if "MetricStat" in query}
        assert (lengths or {alarm.get("Period")}) == {seconds}, name
        assert alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"] == periods, name
        policy = properties(template, only(alarm["AlarmActions"])["Ref"])
        scaling = policy["StepScalingPolicyConfiguration"]
        assert policy["ScalingTargetId"] == {"Ref": "ScalableTarget"}, name
        assert scaling["AdjustmentType"] == "ChangeInCapacity", name
        assert scaling["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": step}], name
        assert scaling["Cooldown"] >= periods * seconds, f"{name}: it would be asked again within the minute"
    assert properties(template, "TasksBusy")["Threshold"] == {"Ref": "ScaleOutCpuPercent"}
    assert properties(template, "ManyRequests")["Threshold"] == {"Ref": "ScaleOutRequests"}
    idle = json.dumps(properties(template, "TasksIdle")["Metrics"])
    assert "${ScaleInCpuPercent} AND" in idle
    assert "${ScaleOutRequests} / 2" in idle


def check_the_first_task_is_never_taken_back(templates: Templates) -> None:
    """Spare capacity carries further tasks alone, and none where the environment says so (W7)."""
    for share, weights in (("0", ("1", "0")), ("50", ("1", "1")), ("75", ("1", "3"))):
        lasting, spare = service(templates, FargateSpotShare=share)["CapacityProviderStrategy"]
        assert (lasting["CapacityProvider"], lasting["Base"], lasting["Weight"]) == ("FARGATE", 1, weights[0])
        assert (spare["CapacityProvider"], spare["Base"], spare["Weight"]) == ("FARGATE_SPOT", 0, weights[1])


def check_ecs_may_shift_these_visitors_and_no_others(templates: Templates) -> None:
    """AWS's own policy for this role is good for every load balancer of the account (D9)."""
    template = templates["containers"]
    statements = _granted(template, "ShiftTraffic", "DeploymentRole")
    modifies = [statement for statement in statements.values() if statement["Resource"] != ["*"]]
    assert {action for statement in modifies for action in statement["Action"]} == {
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:RegisterTargets",
    }
    assert statements["RegisterTasks"]["Resource"] == [{"Ref": "BlueContainers"}, {"Ref": "GreenContainers"}]
    assert statements["SetWeights"]["Resource"] == [{"Ref": "ForwardToContainers"}, {"Ref": "TestContainers"}]
    everywhere = [statement for statement in statements.values() if statement["Resource"] == ["*"]]
    assert all(":Describe" in action for statement in everywhere for action in statement["Action"])


def check_tasks_start_with_what_is_theirs_alone(templates: Templates) -> None:
    """Two repositories, one secret, one parameter, two log groups; and by ECS for tasks of this account alone (D9)."""
    template = templates["containers"]
    statements = _granted(template, "StartTasks", "ExecutionRole")
    repositories = [
        resource["Fn::Sub"][0].rpartition(":repository/")[2] for resource in statements["PullImages"]["Resource"]
    ]
    assert repositories == [APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY]
    assert statements["ReadSecret"]["Resource"] == [{"Ref": "ApplicationSecret"}]
    assert {resource["Fn::GetAtt"][0] for resource in statements["WriteLogs"]["Resource"]} == {
        "ContainerLogGroup",
        "SidecarLogGroup",
    }
    [parameter] = statements["ReadConfiguration"]["Resource"]
    assert parameter["Fn::Sub"].endswith(":parameter/web-platform/${EnvironmentName}/collector/configuration")
    assert "kms:ViaService" in json.dumps(statements["DecryptSecret"]["Condition"])
    everywhere = {sid for sid, statement in statements.items() if statement["Resource"] == ["*"]}
    assert everywhere == {"LogInToTheRegistry"}
    assert "aws:RequestedRegion" in statements["LogInToTheRegistry"]["Condition"]["StringEquals"]
    [trust] = properties(template, "ExecutionRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "aws:SourceArn" in trust["Condition"].get("ArnLike", {})


def check_lines_of_every_container_are_kept(templates: Templates) -> None:
    """In a group with our key and E15's week, and without keeping visitors waiting."""
    groups = of_type(templates["containers"], "AWS::Logs::LogGroup")
    written = [container["LogConfiguration"] for container in in_a_task(templates).values()]
    written.append(service(templates)["ServiceConnectConfiguration"]["LogConfiguration"])
    for configuration in written:
        assert configuration["LogDriver"] == "awslogs"
        assert configuration["Options"]["awslogs-group"]["Ref"] in groups
        assert configuration["Options"]["mode"] == "non-blocking"
    insights = only(group for group in groups.values() if "LogGroupName" in group["Properties"])
    cluster = templates["containers"]["Resources"]["Cluster"]
    name, values = cluster["Properties"]["ClusterName"]["Fn::Sub"]
    written_to = {"Fn::Sub": [f"/aws/ecs/containerinsights/{name}/performance", values]}
    assert insights["Properties"]["LogGroupName"] == written_to
    assert "AWS::StackId" in json.dumps(values), "a deleted cluster's group comes back, and a new one could not be made"
    assert "ContainerInsightsLogGroup" in cluster["DependsOn"], "Container Insights would make a group of its own"


def _granted(template: Template, policy: str, role: str) -> dict[str, dict[str, Any]]:
    """Return the statements of a role's only policy in the stack by their Sid."""
    attached = {
        name: each["Properties"]
        for name, each in of_type(template, "AWS::IAM::Policy").items()
        if each["Properties"]["Roles"] == [{"Ref": role}]
    }
    assert attached.keys() == {policy}
    assert "ManagedPolicyArns" not in properties(template, role)
    assert "Policies" not in properties(template, role)
    assert policy in template["Resources"]["Service"]["DependsOn"], "the service would start without its rights"
    return {statement["Sid"]: statement for statement in attached[policy]["PolicyDocument"]["Statement"]}

"""What is promised of the two fleets of web servers: how many there are, who gets requests, how they heal and scale.

As in `claims`, each `check_…` function raises `AssertionError` where its promise is broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from generator.origin import ORIGIN_HEADER
from tests.claims import only, web_server_script
from tests.intrinsics import Templates, of_type, references, resolved

SCALING_PROCESSES_THAT_END_SERVERS = {"AZRebalance", "AlarmNotification", "HealthCheck", "ReplaceUnhealthy"}

SHARES, STANDBY, COMPUTE = ("0", "10", "50", "100"), ("true", "false"), ("ec2", "both")
SIZES = (("1", "2"), ("1", "3"), ("2", "3"))
"""Least and most web servers, as environments may have them."""

FLEETS = {"WebServerGroup": "WebServers", "GreenWebServerGroup": "GreenWebServers"}
"""The groups, and the targets of each."""

SETTINGS = {
    "Compute": "ec2",
    "GreenShare": "0",
    "StandbyServers": "false",
    "WebServerMinimum": "2",
    "WebServerMaximum": "3",
    "OfficeHoursOnly": "true",
    "TimeZone": "Europe/Amsterdam",
    "LoadBalancerAccess": "internet",
    "TargetProtocol": "HTTPS",
    "ServerPaths": "the-paths",
    "ContainerServiceName": "the-service",
}


def in_every_setting(templates: Templates) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield each setting that decides how many servers run, with the web tier's resources in it."""
    for share, standby, (minimum, maximum) in product(SHARES, STANDBY, SIZES):
        settings = {"GreenShare": share, "StandbyServers": standby}
        settings |= {"WebServerMinimum": minimum, "WebServerMaximum": maximum}
        yield settings, resolved(templates["web_tier"], **SETTINGS | settings)


def groups_of(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the Auto Scaling groups of resolved resources by logical id."""
    return {name: each for name, each in resources.items() if each["Type"] == "AWS::AutoScaling::AutoScalingGroup"}


def check_never_more_than_three_servers(templates: Templates) -> None:
    """W8: of both colours together, in each setting, and whatever an alarm or a schedule asks for."""
    for name in ("web_tier", "platform"):
        assert templates[name]["Parameters"]["WebServerMaximum"]["MaxValue"] == 3, name
    for name, template in templates.items():
        for title, group in of_type(template, "AWS::AutoScaling::AutoScalingGroup").items():
            assert "DesiredCapacity" not in group["Properties"], "an update would undo what scaling did"
            assert title in FLEETS or group["Properties"]["MaxSize"] == "1", (name, title)
    for settings, resources in in_every_setting(templates):
        most = int(settings["WebServerMaximum"])
        assert sum(int(group["Properties"]["MaxSize"]) for group in groups_of(resources).values()) <= most, settings
        hours = [
            each["Properties"] for each in resources.values() if each["Type"] == "AWS::AutoScaling::ScheduledAction"
        ]
        assert sum(int(action["MaxSize"]) for action in hours) <= most, settings


def check_whoever_gets_requests_has_servers(templates: Templates) -> None:
    """D15: a fleet with a share of the requests runs, and one without a share only where it is to stand by."""
    for settings, resources in in_every_setting(templates):
        groups = groups_of(resources)
        for title, share in _shares(resources).items():
            assert (title in groups) == (share > 0 or settings["StandbyServers"] == "true"), (settings, title)
        for title, group in groups.items():
            least = int(group["Properties"]["MinSize"])
            assert least >= 1, (settings, title)
            assert group["CreationPolicy"]["ResourceSignal"]["Count"] == group["Properties"]["MinSize"], settings
            assert group["Properties"].get("TargetGroupARNs") == [{"Ref": FLEETS[title]}], title
        if len(groups) == 2:
            busy, idle = sorted(_shares(resources).items(), key=lambda fleet: -fleet[1])
            if busy[1] > idle[1]:
                sizes = [int(groups[title]["Properties"]["MinSize"]) for title, _ in (busy, idle)]
                assert sizes[0] >= sizes[1], f"{settings}: most requests go where fewer servers are"


def check_one_parameter_switches_all_requests(templates: Templates) -> None:
    """D15: the weights are GreenShare's and nothing else's; no cookie keeps a visitor where requests do not go."""
    for settings, resources in in_every_setting(templates):
        green = int(settings["GreenShare"])
        assert list(_shares(resources).values()) == [100 - green, green], settings
        action = only(resources["ForwardToWebServers"]["Properties"]["Actions"])
        assert not action["ForwardConfig"].get("TargetGroupStickinessConfig", {}).get("Enabled"), settings


def check_weights_wait_for_servers(templates: Templates) -> None:
    """D15: requests go to a fleet once it is there, with the archive that it is to serve, and healthy.

    The groups wait for the rule of tests, without which the load balancer would not check the health of their targets.
    """
    for settings, resources in in_every_setting(templates):
        groups = groups_of(resources)
        assert set(groups) <= {name for name, _ in references(resources["ForwardToWebServers"])}, settings
        tested = only(resources["TestWebServers"]["Properties"]["Actions"])["ForwardConfig"]["TargetGroups"]
        assert {each["TargetGroupArn"]["Ref"] for each in tested} == set(FLEETS.values()), settings
        for title, group in groups.items():
            assert "TestWebServers" in group["DependsOn"], title


def check_tests_reach_the_fleet_that_visitors_do_not(templates: Templates) -> None:
    """D15: by a secret that nobody else tells, and where only CloudFront may ask, through our distribution (W1)."""
    for settings, resources in in_every_setting(templates):
        test = resources["TestWebServers"]["Properties"]
        visitors = resources["ForwardToWebServers"]["Properties"]
        assert test["Priority"] < visitors["Priority"], "visitors' rule would answer tests"
        told = only(test["Conditions"])
        assert told["Field"] == "http-header", settings
        value = only(told["HttpHeaderConfig"]["Values"])
        assert value.startswith("{{resolve:secretsmanager:"), settings
        weights = [int(each["Weight"]) for each in only(test["Actions"])["ForwardConfig"]["TargetGroups"]]
        assert weights == list(reversed(list(_shares(resources).values()))), settings
    behind = resolved(templates["web_tier"], **SETTINGS | {"LoadBalancerAccess": "cloudfront", "OriginSecretArn": "s"})
    for title in ("TestWebServers", "ForwardToWebServers"):
        headers = [
            each.get("HttpHeaderConfig", {}).get("HttpHeaderName") for each in behind[title]["Properties"]["Conditions"]
        ]
        assert ORIGIN_HEADER in headers, title


def check_web_servers_answer_what_the_environment_says(templates: Templates) -> None:
    """D2: all that comes, or beside containers the paths that are theirs."""
    for compute, paths in (("ec2", ["/*"]), ("both", "the-paths")):
        rule = resolved(templates["web_tier"], **SETTINGS | {"Compute": compute})["ForwardToWebServers"]["Properties"]
        assert rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": paths}}], compute
    condition = templates["platform"]["Resources"]["WebTier"]["Condition"]
    assert templates["platform"]["Conditions"][condition] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "Compute"}, "fargate"]}]
    }


def _shares(resources: dict[str, Any]) -> dict[str, int]:
    """Return of which hundredths of the requests each fleet gets."""
    action = only(resources["ForwardToWebServers"]["Properties"]["Actions"])
    weights = {each["TargetGroupArn"]["Ref"]: int(each["Weight"]) for each in action["ForwardConfig"]["TargetGroups"]}
    return {title: weights[targets] for title, targets in FLEETS.items()}


def check_failing_servers_are_replaced(templates: Templates) -> None:
    for title, group in groups_of(templates["web_tier"]["Resources"]).items():
        assert group["Properties"]["HealthCheckType"] == "ELB", title
        timeout = group["CreationPolicy"]["ResourceSignal"]["Timeout"]
        assert group["Properties"]["HealthCheckGracePeriod"] > _minutes(timeout) * 60, title
    targets = of_type(templates["web_tier"], "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert sorted(targets) == sorted(FLEETS.values())
    for title, check in ((title, each["Properties"]) for title, each in targets.items()):
        assert check["HealthCheckEnabled"] is True, title
        assert f"location = {check['HealthCheckPath']} {{" in web_server_script(templates), title
        assert check["HealthCheckTimeoutSeconds"] < check["HealthCheckIntervalSeconds"], title
        noticed_after = check["HealthCheckIntervalSeconds"] * check["UnhealthyThresholdCount"]
        assert noticed_after <= 60, title


def check_rolling_update_keeps_the_minimum_and_waits(templates: Templates) -> None:
    """Where a fleet runs alone. Beside the other there is no room for one server more, and one after the other goes."""
    for settings, resources in in_every_setting(templates):
        groups = groups_of(resources)
        for title, group in groups.items():
            update = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
            assert update.get("WaitOnResourceSignals") is True, title
            assert update["PauseTime"] == group["CreationPolicy"]["ResourceSignal"]["Timeout"], title
            assert update["MaxBatchSize"] == 1, title
            kept = int(update["MinInstancesInService"])
            assert kept == (int(settings["WebServerMinimum"]) if len(groups) == 1 else 0), (settings, title)
            assert kept < int(group["Properties"]["MaxSize"]), "Auto Scaling refuses an update without room"
            assert set(update.get("SuspendProcesses", [])) >= SCALING_PROCESSES_THAT_END_SERVERS, title


def check_scaling_follows_the_load(templates: Templates) -> None:
    """One server more after 5 sustained minutes above the upper bound, one less after 15 below the lower."""
    for settings, resources in in_every_setting(templates):
        groups = groups_of(resources)
        alarms = {title: each["Properties"] for title, each in resources.items() if "Alarm" in each["Type"]}
        assert bool(alarms) == (len(groups) == 1), f"{settings}: two fleets have all servers that may be"
        for title, alarm in alarms.items():
            _check_alarm(title, alarm, resources, only(groups))


def _check_alarm(title: str, alarm: dict[str, Any], resources: dict[str, Any], group: str) -> None:
    expected = {
        "SustainedLoad": ("GreaterThanThreshold", {"Ref": "ScaleOutCpuPercent"}, 5, 60, +1),
        "LoadIsOver": ("LessThanThreshold", {"Ref": "ScaleInCpuPercent"}, 3, 300, -1),
    }
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/EC2", "CPUUtilization"), title
    assert alarm.get("Dimensions") == [{"Name": "AutoScalingGroupName", "Value": {"Ref": group}}], title
    policy = resources[only(alarm["AlarmActions"])["Ref"]]["Properties"]
    found = (
        alarm["ComparisonOperator"],
        alarm["Threshold"],
        alarm["EvaluationPeriods"],
        alarm["Period"],
        _adjustment(policy),
    )
    assert found == expected[title], title
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"], title
    assert alarm.get("Statistic") == "Average", title
    assert alarm.get("TreatMissingData") == "notBreaching", title
    assert policy.get("AutoScalingGroupName") == {"Ref": group}, title
    assert policy["AdjustmentType"] == "ChangeInCapacity", title


def _adjustment(policy: dict[str, Any]) -> int:
    """Return by how many servers a policy changes the group: a step upwards at once, and down every 15 minutes alone.

    An alarm that stays on asks again every minute, and nothing but a cooldown makes that wait.
    """
    if policy["PolicyType"] == "SimpleScaling":
        assert policy.get("Cooldown") == "900"
        return int(policy["ScalingAdjustment"])
    assert policy["PolicyType"] == "StepScaling"
    assert "Cooldown" not in policy
    step = dict(only(policy["StepAdjustments"]))
    adjustment = int(step.pop("ScalingAdjustment"))
    assert step == {"MetricIntervalLowerBound": 0}
    assert adjustment > 0, "a step downwards is repeated every minute"
    return adjustment


def check_web_servers_end_and_begin_with_office_hours(templates: Templates) -> None:
    """D13: what is stopped in the evening is started in the morning, as it was: each fleet that runs."""
    for settings, resources in in_every_setting(templates):
        actions = {t: e["Properties"] for t, e in resources.items() if e["Type"] == "AWS::AutoScaling::ScheduledAction"}
        groups = groups_of(resources)
        assert len(actions) == 2 * len(groups), settings
        for title, action in actions.items():
            assert action["TimeZone"] == "Europe/Amsterdam", title
            group = groups[action["AutoScalingGroupName"]["Ref"]]["Properties"]
            morning = [group["MinSize"], group["MinSize"], group["MaxSize"]]
            sizes = [action[size] for size in ("MinSize", "DesiredCapacity", "MaxSize")]
            assert sizes == (morning if title.startswith("Start") else [0, 0, 0]), (settings, title)
    always = resolved(templates["web_tier"], **SETTINGS | {"OfficeHoursOnly": "false"})
    assert not [title for title, each in always.items() if each["Type"] == "AWS::AutoScaling::ScheduledAction"]


def _minutes(duration: str) -> int:
    return int(duration.removeprefix("PT").removesuffix("M"))

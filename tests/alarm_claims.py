"""What the platform promises of its alarms, as functions over the rendered templates, like those of `claims`."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from generator.naming import kebab_case
from tests.intrinsics import Template, Templates, of_type, resolved, walk

ALARM, COMPOSITE, RULE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Events::Rule"
FILTER = "AWS::Logs::MetricFilter"
IN_ALARM = re.compile(r'ALARM\("\$\{(\w+)\}"\)')
ASLEEP = {
    "ServersAsleep": ("AWS/AutoScaling", "GroupDesiredCapacity", "LessThanThreshold"),
    "TasksAsleep": ("web-platform-office-hours", "OfficeClosed", "GreaterThanOrEqualToThreshold"),
}
"""The alarms that keep an outage quiet at night, and what tells them that nobody is wanted."""
SILENCE = "NoHealthyTask"
"""Where no task runs there is no metric of any: here alone, silence is bad. At night it is quiet as any part is."""

PAGE, ESCALATION, OPERATIONS = "PageTopic", "EscalationTopic", "OperationsTopic"
ACKNOWLEDGED = "PageAcknowledged"
CANARY = "CanaryFailed"
"""It comes every five minutes, and is believed the second time."""

PUBLISHERS = {
    PAGE: {"cloudwatch"},
    ESCALATION: {"cloudwatch"},
    OPERATIONS: {"cloudwatch", "events", "budgets", "costalerts"},
    "EdgePageTopic": {"cloudwatch"},
    "EdgeOperationsTopic": {"cloudwatch"},
}

NOBODY = {
    "OnCallEmail": "",
    "OnCallUrl": "",
    "EscalationEmail": "",
    "OperationsEmail": "",
    "IncidentManager": "false",
    "ResponsePlanArn": "none",
}
SOMEBODY = NOBODY | {
    "OnCallEmail": "on-call@example.com",
    "OnCallUrl": "https://paging.example.com/sns",
    "EscalationEmail": "escalation@example.com",
    "OperationsEmail": "operations@example.com",
}
BY_TURNS = SOMEBODY | {"IncidentManager": "true", "ResponsePlanArn": "the-response-plan"}

ONE_FLEET = {"Compute": "ec2", "ServerPaths": "/*", "GreenShare": "0", "StandbyServers": "false"}
BOTH_FLEETS = ONE_FLEET | {"GreenShare": "10"}
GREEN_ALONE = ONE_FLEET | {"GreenShare": "100"}
CONTAINERS = ONE_FLEET | {"Compute": "fargate"}
CONTAINERS_ON_TRIAL = ONE_FLEET | {"Compute": "both"}
EVERYTHING = BOTH_FLEETS | {"Compute": "both", "ServerPaths": "/cart/*,/checkout/*"}
EVERY_COMPUTE = (ONE_FLEET, BOTH_FLEETS, GREEN_ALONE, CONTAINERS, CONTAINERS_ON_TRIAL, EVERYTHING)

NOBODY_HEALTHY = {
    "NoHealthyServer": (ONE_FLEET, BOTH_FLEETS, CONTAINERS_ON_TRIAL, EVERYTHING),
    "NoHealthyGreenServer": (BOTH_FLEETS, GREEN_ALONE, EVERYTHING),
    "NoHealthyTask": (CONTAINERS, EVERYTHING),
}
"""By alarm, where visitors' requests go to those whom it counts."""

OF_BLUE_SERVERS = {"WebServerGroupName"}
OF_GREEN_SERVERS = {"GreenWebServerGroupName"}
OF_SERVERS = {"TargetGroupFullName", "GreenTargetGroupFullName", "LogGroupName", *OF_BLUE_SERVERS, *OF_GREEN_SERVERS}
OF_CONTAINERS = {
    *("ClusterName", "ContainerServiceName", "ContainerServiceArn", "ContainerLogGroupName"),
    *("BlueContainersFullName", "GreenContainersFullName"),
}
ABSENT = (
    (ONE_FLEET, OF_GREEN_SERVERS | OF_CONTAINERS),
    (GREEN_ALONE, OF_BLUE_SERVERS | OF_CONTAINERS),
    (CONTAINERS, OF_SERVERS),
)
"""The parameters that are `none`, by what runs."""

SETTINGS = {
    "EnvironmentName": "dev",
    **ONE_FLEET,
    "DomainName": "",
    "ApplicationArchiveKey": "",
    "WebApplicationFirewall": "true",
    "ShieldAdvanced": "false",
    "SyntheticCanary": "true",
    "OfficeHoursOnly": "false",
    "DatabaseReadReplica": "false",
    "VpnGatewayAddress": "",
    "ZoneCount": "2",
    "NatGateways": "single",
    **SOMEBODY,
}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Return the properties of all alarms by logical id."""
    found = of_type(template, ALARM) | of_type(template, COMPOSITE)
    return {name: resource["Properties"] for name, resource in found.items()}


def observability(templates: Templates, **settings: str) -> Template:
    """Return what the stack is with some settings."""
    return {"Resources": resolved(templates["observability"], **SETTINGS | settings)}


def check_alarm_says_what_it_means_and_where_to_read_on(templates: Templates) -> None:
    """One sentence, and the section of the runbook that is called after the logical id."""
    for module, template in templates.items():
        described = {name: properties["AlarmDescription"] for name, properties in alarms(template).items()}
        if module == "observability":
            described |= {name: rule["Properties"]["Description"] for name, rule in of_type(template, RULE).items()}
        for name, text in described.items():
            found = re.fullmatch(r"[A-Z][^#]+\. Runbook: runbook\.md#([a-z0-9-]+)", text)
            assert found, (module, name, text)
            assert found[1] == kebab_case(name), (module, name)


def check_alarm_tells_somebody(templates: Templates) -> None:
    """By an action of its own, as part of a composite alarm, by what ECS does then, or by what it keeps quiet."""
    for module, template in templates.items():
        heard = {part for properties in alarms(template).values() for part in _parts(properties)}
        heard |= {
            properties["ActionsSuppressor"]["Ref"]
            for properties in alarms(template).values()
            if "ActionsSuppressor" in properties
        }
        for service in of_type(template, "AWS::ECS::Service").values():
            heard |= {name["Ref"] for name in service["Properties"]["DeploymentConfiguration"]["Alarms"]["AlarmNames"]}
        for name, properties in alarms(template).items():
            assert bool(properties.get("AlarmActions")) != (name in heard - {"Outage"}), (module, name)
            assert properties.get("ActionsEnabled", True) is True, (module, name)


def check_alarm_tells_the_right_people(templates: Templates) -> None:
    """A page for an outage alone, the escalation for a page that nobody acknowledged, operations for all the rest."""
    template = observability(templates, **EVERYTHING)
    special = {"Outage": {PAGE}, "UnacknowledgedOutage": {ESCALATION}}
    for name, properties in alarms(template).items():
        for actions in ("AlarmActions", "OKActions"):
            told = {action["Ref"] for action in properties.get(actions, [])}
            assert told <= special.get(name, {OPERATIONS}), name
        assert "InsufficientDataActions" not in properties, name
    outage = alarms(template)["Outage"]
    assert outage.get("OKActions") == outage["AlarmActions"] == [{"Ref": PAGE}], "it is over"
    rules = of_type(template, RULE)
    assert len(rules) > 7
    for name, rule in rules.items():
        assert [target["Arn"] for target in rule["Properties"]["Targets"]] == [{"Ref": OPERATIONS}], name


def check_nobody_is_paged_twice(templates: Templates) -> None:
    """Whatever parts are in alarm: one page, and nothing besides of what has the same cause."""
    for settings in (ONE_FLEET, CONTAINERS, EVERYTHING):
        template = observability(templates, **settings)
        outage, degraded = (_parts(alarms(template)[name]) for name in ("Outage", "Degraded"))
        assert outage
        assert degraded
        assert outage.isdisjoint(degraded)
        for bad in _some(sorted(outage)):
            for worse in _some(sorted(degraded)):
                told = told_after(template, {*bad, *worse}, minutes=10)
                expected = {PAGE: 1} if bad else {OPERATIONS: 1} if worse else {}
                assert told == expected, (bad, worse)


def check_unacknowledged_page_is_escalated(templates: Templates) -> None:
    """After a quarter of an hour, once; not where somebody acknowledged, for as long as that holds: an hour."""
    template = observability(templates, **EVERYTHING)
    for part in _parts(alarms(template)["Outage"]):
        assert told_after(template, {part}, minutes=14) == {PAGE: 1}, part
        assert told_after(template, {part}, minutes=16) == {PAGE: 1, ESCALATION: 1}, part
        assert told_after(template, {part, ACKNOWLEDGED}, minutes=16) == {PAGE: 1}, part
    acknowledged = alarms(template)[ACKNOWLEDGED]
    assert acknowledged["Namespace"] == "web-platform-operators", "web servers may write to the other"
    assert acknowledged["Dimensions"] == [{"Name": "Environment", "Value": "dev"}]
    assert acknowledged["DatapointsToAlarm"] == acknowledged["Threshold"] == 1
    assert acknowledged["EvaluationPeriods"] * acknowledged["Period"] == 3600


def check_page_comes_within_five_minutes(templates: Templates) -> None:
    """And one bad minute pages nobody."""
    template = observability(templates, **EVERYTHING)
    for name in _parts(alarms(template)["Outage"]):
        properties = alarms(template)[name]
        period = properties.get("Period") or properties["Metrics"][0]["MetricStat"]["Period"]
        assert properties["DatapointsToAlarm"] * period <= (600 if name == CANARY else 300), name
        assert properties["DatapointsToAlarm"] > 1, name


def check_office_hours_page_nobody(templates: Templates) -> None:
    """Where nobody is wanted none is missed: neither by their count nor by the absence of any metric."""
    for settings in EVERY_COMPUTE:
        template = observability(templates, OfficeHoursOnly="true", **settings)
        for name, properties in alarms(template).items():
            missing = properties.get("TreatMissingData", "notBreaching")
            assert missing == ("breaching" if name == SILENCE else "notBreaching"), name
        for name in (NOBODY_HEALTHY.keys() - {SILENCE}) & alarms(template).keys():
            _check_who_is_wanted(name, alarms(template)[name])
        asleep = ASLEEP.keys() & alarms(template).keys()
        assert asleep == _those_who_sleep(settings["Compute"]), settings
        for name in asleep:
            _check_sleep(name, alarms(template)[name])
        for part in _parts(alarms(template)["Outage"]) - ASLEEP.keys():
            for one in asleep:
                assert told_after(template, {part, one}, minutes=60) == {}, part
            assert told_after(template, {part}, minutes=10) == {PAGE: 1}, part


def _those_who_sleep(compute: str) -> set[str]:
    return {"ec2": {"ServersAsleep"}, "fargate": {"TasksAsleep"}, "both": set(ASLEEP)}[compute]


def _check_who_is_wanted(name: str, properties: dict[str, Any]) -> None:
    queries = {query["Id"]: query for query in properties["Metrics"]}
    wanted = queries["wanted"]["MetricStat"]["Metric"]
    assert (wanted["Namespace"], wanted["MetricName"]) == ("AWS/AutoScaling", "GroupDesiredCapacity"), name
    assert queries["result"]["Expression"] == "IF(wanted > 0, FILL(healthy, 0), 1)", name
    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("LessThanThreshold", 1), name


def _check_sleep(name: str, properties: dict[str, Any]) -> None:
    compared = tuple(properties[each] for each in ("Namespace", "MetricName", "ComparisonOperator"))
    assert (compared, properties["Threshold"]) == (ASLEEP[name], 1), name
    assert properties["DatapointsToAlarm"] == 1, name
    assert properties["EvaluationPeriods"] * properties["Period"] == 900, "they need time to start"


def check_whoever_answers_visitors_is_missed(templates: Templates) -> None:
    """Each of those to whom requests go pages by itself: a load balancer does not send one's share to another."""
    for settings in EVERY_COMPUTE:
        template = observability(templates, **settings)
        expected = {name for name, where in NOBODY_HEALTHY.items() if settings in where}
        assert NOBODY_HEALTHY.keys() & alarms(template).keys() == expected, settings
        assert _parts(alarms(template)["Outage"]) >= expected, settings


def check_nothing_is_watched_that_is_not_there(templates: Templates) -> None:
    """An alarm, a rule on events or a metric filter on `none` is paid for and never says anything."""
    for settings, absent in ABSENT:
        for name, resource in observability(templates, **settings)["Resources"].items():
            if resource["Type"] not in (ALARM, FILTER):
                continue
            named = {found["Ref"] for found in walk(resource) if isinstance(found, dict) and set(found) == {"Ref"}}
            assert named.isdisjoint(absent), (name, settings)
    for settings in EVERY_COMPUTE:
        rules = of_type(observability(templates, **settings), RULE)
        assert (settings["Compute"] != "ec2") == ("ContainerDeploymentFailed" in rules), settings
        assert (settings["Compute"] != "fargate") == ("ServerLaunchFailed" in rules), settings


def check_e17_high_cpu_is_told_through_sns(templates: Templates) -> None:
    template = observability(templates, **EVERYTHING)
    for name, namespace, dimensions in (
        ("WebServersBusy", "AWS/EC2", ["AutoScalingGroupName"]),
        ("ContainersBusy", "AWS/ECS", ["ClusterName", "ServiceName"]),
        ("DatabaseBusy", "AWS/RDS", ["DBInstanceIdentifier"]),
    ):
        properties = alarms(template)[name]
        assert (properties["Namespace"], properties["MetricName"]) == (namespace, "CPUUtilization"), name
        assert [each["Name"] for each in properties["Dimensions"]] == dimensions, name
        assert properties["ComparisonOperator"] == "GreaterThanThreshold", name
        assert properties["AlarmActions"] == [{"Ref": OPERATIONS}], name


def check_incident_manager_tells_instead_of_mail(templates: Templates) -> None:
    """Whoever is in its plans would hear the same twice otherwise; the paging service is not in them."""
    for settings, mails, plan in ((NOBODY, set(), []), (SOMEBODY, {PAGE, ESCALATION}, []), (BY_TURNS, set(), [1])):
        template = observability(templates, **settings)
        subscriptions = [found["Properties"] for found in of_type(template, "AWS::SNS::Subscription").values()]
        by_mail = {each["TopicArn"]["Ref"] for each in subscriptions if each["Protocol"] == "email"} - {OPERATIONS}
        assert by_mail == mails, settings
        by_url = [each["TopicArn"]["Ref"] for each in subscriptions if each["Protocol"] == "https"]
        assert by_url == ([PAGE] if settings["OnCallUrl"] else []), settings
        assert all(each["Endpoint"] for each in subscriptions), settings
        actions = alarms(template)["Outage"]["AlarmActions"]
        assert actions == [{"Ref": PAGE}, *(settings["ResponsePlanArn"] for _ in plan)], settings


def check_topics_are_for_their_publishers_alone(templates: Templates) -> None:
    """Encrypted, over TLS, by services of this account: nobody else makes a page. EventBridge takes no condition."""
    for module in ("observability", "global_edge"):
        topics = of_type(templates[module], "AWS::SNS::Topic")
        policies = {
            policy["Properties"]["Topics"][0]["Ref"]: policy["Properties"]["PolicyDocument"]["Statement"]
            for policy in of_type(templates[module], "AWS::SNS::TopicPolicy").values()
        }
        assert topics.keys() == policies.keys()
        for name, topic in topics.items():
            assert topic["Properties"].get("KmsMasterKeyId") is not None, name
            _check_publishers(name, policies[name])


def _check_publishers(topic: str, statements: list[dict[str, Any]]) -> None:
    *allowed, refused = statements
    assert refused["Effect"] == "Deny", topic
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, topic
    of_this_account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    publishers = set()
    for statement in allowed:
        service = statement["Principal"]["Service"].removesuffix(".amazonaws.com")
        publishers.add(service)
        assert statement["Action"] == ["sns:Publish"], topic
        assert statement["Resource"] == [{"Ref": topic}], topic
        assert statement.get("Condition") == (None if service == "events" else of_this_account), (topic, service)
    assert publishers == PUBLISHERS[topic], topic


def told_after(template: Template, in_alarm: set[str], minutes: int) -> dict[str, int]:
    """Return how often each topic is told through composite alarms once these alarms have been in alarm so long.

    A composite alarm does nothing while its suppressor is in alarm, and waits for that first.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_CompositeAlarm.html
    """
    composites = {name: alarm["Properties"] for name, alarm in of_type(template, COMPOSITE).items()}
    states = set(in_alarm)
    for _ in composites:
        states |= {name for name, properties in composites.items() if _holds(properties["AlarmRule"], states)}
    told: Counter[str] = Counter()
    for name in states & composites.keys():
        properties = composites[name]
        suppressor = properties.get("ActionsSuppressor", {}).get("Ref")
        waited = minutes * 60 >= properties.get("ActionsSuppressorWaitPeriod", 0)
        if suppressor not in states and waited:
            told.update(action["Ref"] for action in properties["AlarmActions"])
    for name in states - composites.keys():
        told.update(action["Ref"] for action in alarms(template)[name].get("AlarmActions", []))
    return dict(told)


def _holds(rule: str, in_alarm: set[str]) -> bool:
    """Return whether the rule of a composite alarm is true."""
    states = IN_ALARM.sub(lambda part: str(part[1] in in_alarm), rule)
    return _true(ast.parse(states.replace("AND", "and").replace("OR", "or").replace("NOT", "not"), mode="eval").body)


def _true(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool(value)):
            return value
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_true(value) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_true(value) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _true(operand)
    raise AssertionError(ast.dump(node))


def _parts(properties: dict[str, Any]) -> set[str]:
    """Return the alarms that a composite alarm is made of."""
    return set(IN_ALARM.findall(str(properties.get("AlarmRule", ""))))


def _some(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield choices of names: none of them, each, each two, and all."""
    for count in sorted({0, 1, 2, len(names)}):
        yield from combinations(names, count)

"""Web servers go from blue to green and back, by one parameter, while visitors ask without a pause (D15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from generator.delivery.deploy import Deployment, find_deployed
from generator.naming import root_stack_name
from generator.rehearsal.application_release import ARCHIVE_KEY
from generator.rehearsal.listener_weights import forwarded, of_priority
from generator.rehearsal.requests_scenarios import LiveEnvironment, Rows
from generator.rehearsal.requests_table import Row
from generator.rehearsal.steady_requests import Asked, SteadyRequests

TEST_RULE, SERVERS_RULE = 60, 100
"""The priorities of the rules that web servers answer (docs/decisions/0021)."""

SHARES = (0, 10, 100, 0)
"""The way to green and back at once. 50 is a step like the others."""

COUNTED = 40
ASKED_FOR = "/api/products"


def green_servers(environment: LiveEnvironment) -> Rows:
    """A second fleet stands by, gets a share of the visitors, then all of them, then none; nobody notices.

    Beside containers the rows are missing: there it is those that get new versions.
    """
    if environment.tasks:
        return
    [blue] = {each.launch.group for each in environment.instances}
    standby = {"StandbyServers": "true", "GreenArchiveKey": _archive_key(environment)}
    with SteadyRequests(environment.client, environment.url("origin", ASKED_FOR)) as visitors:
        for share in SHARES:
            deployed = _deployed(environment, {**standby, "GreenShare": str(share)})
            yield _step(environment, share, deployed, visitors, blue)
        _deployed(environment, {"StandbyServers": "false", "GreenArchiveKey": "", "GreenShare": "0"})
        visitors.next(COUNTED)
    line, expected = f"requests for {ASKED_FOR} from the first step to the last", "0 of * failed"
    yield environment.names.row("D15", "nobody notices blue and green servers", line, expected, visitors.account)
    left = "blue servers" if {each.launch.group for each in environment.instances} == {blue} else "servers of others"
    yield environment.names.row("D15", "the second fleet goes again", "StandbyServers=false", "blue servers", left)


def _step(environment: LiveEnvironment, share: int, deployed: Deployment, visitors: SteadyRequests, blue: str) -> Row:
    answers = _answered(environment, visitors.next(COUNTED), blue)
    shares = (100 - share, share)
    what = "requests go to blue and green servers as the parameter says, and tests the other way round"
    line = f"GreenShare={share}: elbv2:DescribeRules, {COUNTED} requests for {ASKED_FOR}"
    expected = _said("UPDATE_COMPLETE", shares, [COUNTED * each // 100 for each in shares], shares[::-1])
    weights, tests = (_weights(environment, priority) for priority in (SERVERS_RULE, TEST_RULE))
    return environment.names.row("D15", what, line, expected, _said(deployed.status, weights, answers, tests))


def _archive_key(environment: LiveEnvironment) -> str:
    """Return what the environment runs; a fleet of its own may run it too."""
    stack = find_deployed(environment.service("cloudformation"), root_stack_name(environment.names.environment)) or {}
    return next(str(each["ParameterValue"]) for each in stack["Parameters"] if each["ParameterKey"] == ARCHIVE_KEY)


def _deployed(environment: LiveEnvironment, changed: dict[str, str]) -> Deployment:
    deployed = environment.change(changed)
    environment.workload.settle(environment.account_id)
    return deployed


def _answered(environment: LiveEnvironment, answers: Sequence[Asked], blue: str) -> tuple[int, int]:
    """Return how many answers came from blue servers, and how many from others."""
    servers = [environment.answered_by(each.request_id) for each in answers]
    groups = Counter(each.launch.group for each in servers if each is not None)
    return groups[blue], groups.total() - groups[blue]


def _weights(environment: LiveEnvironment, priority: int) -> tuple[int, ...]:
    rule = of_priority(environment.service("elbv2"), environment.names.values["load_balancer"], priority)
    return tuple(weight for _, weight in forwarded(rule))


def _said(status: str, weights: Sequence[int], answers: Sequence[int], tests: Sequence[int]) -> str:
    weighed, answered, tested = ("/".join(map(str, each)) for each in (weights, answers, tests))
    return f"{status}; weights {weighed}; answers {answered}; weights of tests {tested}"

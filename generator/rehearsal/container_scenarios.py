"""New images come, or fail to, while visitors ask without a pause; and a task is lost (D15, W7)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from generator.delivery.deploy import Deployment
from generator.rehearsal.container_attendant import Task
from generator.rehearsal.container_releases import APPLICATION_IMAGE, UNHEALTHY
from generator.rehearsal.health_checks import HEALTHY
from generator.rehearsal.listener_weights import forwarded, of_priority, wanted_header
from generator.rehearsal.requests_client import NoAnswerError
from generator.rehearsal.requests_scenarios import LiveEnvironment, Rows, Visitor
from generator.rehearsal.requests_table import Row
from generator.rehearsal.steady_requests import Asked, SteadyRequests

TEST_RULE, CONTAINERS_RULE = 50, 200
"""The priorities of the rules that containers answer (docs/decisions/0021)."""

TEST_SHIFT, PRODUCTION_SHIFT, BAKE = "TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"
CANARY = "CANARY"
COUNTED = 20
ASKED_FOR = "/"
VERSION = "X-Application-Version"
POLL_SECONDS = 0.02
OLD_TO_NEW = {TEST_SHIFT: (100, 0), PRODUCTION_SHIFT: (0, 100), BAKE: (0, 100)}
"""The weights of the old and the new version once a stage has been entered."""


@dataclass(frozen=True)
class Seen:
    """A deployment as it was seen: its stage, and the weights of the rule that visitors' requests go by."""

    stage: str
    weights: tuple[int, ...]


def new_image(environment: LiveEnvironment) -> Rows:
    """A new image is tested before visitors get it, and gets all of them without any of them noticing."""
    if not environment.tasks:
        return
    steps: list[tuple[str, tuple[int, int]]] = list(OLD_TO_NEW.items())
    if _configuration(environment)["strategy"] == CANARY:
        steps.insert(1, (PRODUCTION_SHIFT, (90, 10)))
    found: dict[tuple[str, tuple[int, ...]], str] = {}
    with SteadyRequests(environment.client, environment.url("origin", ASKED_FOR)) as visitors:
        old = visitors.next(1)[0].fact(VERSION)
        is_blue = _weights(environment)[0] > 0

        def look(seen: Seen) -> None:
            weights = seen.weights if is_blue else seen.weights[::-1]
            if (seen.stage, weights) in steps:
                found[seen.stage, weights] = _said(environment, weights, visitors.next(COUNTED), old)

        deployed = _deployed(environment, "next", look)
        after = Counter(each.fact(VERSION) == old for each in visitors.next(COUNTED))
    for stage, weights in steps:
        answers = tuple(COUNTED * each // 100 for each in weights)
        expected = f"weights {_slashed(weights)}; answers {_slashed(answers)}; test: new"
        line = f"{stage}: elbv2:DescribeRules, {COUNTED} requests for {ASKED_FOR}, one of a test"
        actual = found.get((stage, weights), "not seen")
        yield environment.names.row("D15", "a new image, stage by stage: old/new", line, expected, actual)
    expected = f"UPDATE_COMPLETE; answers 0/{COUNTED}; 0 of * failed"
    actual = f"{deployed.status}; answers {_slashed((after[True], after[False]))}; {visitors.account}"
    line = f"a new image; requests for {ASKED_FOR} from beginning to end"
    yield environment.names.row("D15", "nobody notices a new image", line, expected, actual)


def unhealthy_image(environment: LiveEnvironment) -> Rows:
    """An image whose health check fails is given up by itself, before any visitor has met it."""
    if environment.tasks:
        yield _taken_back(environment, UNHEALTHY, "an image whose health check fails is taken back", lambda seen: None)


def alarm_in_the_bake(environment: LiveEnvironment) -> Rows:
    """An alarm while both versions run gives all visitors back to the old one at once."""
    if not environment.tasks:
        return
    alarm = _configuration(environment)["alarms"]["alarmNames"][0]
    cloudwatch = environment.service("cloudwatch")

    def ring(seen: Seen) -> None:
        if seen.stage == BAKE:
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="rehearsed")

    yield _taken_back(environment, "after next", "an alarm during the bake takes an image back", ring)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="rehearsed")


def lost_task(environment: LiveEnvironment) -> Rows:
    """A task dies: no request fails that is tried once more, and ECS starts another one (W7).

    Environments with one task have nobody who would answer meanwhile; there the rows are missing.
    """
    before = environment.tasks
    if len(before) < 2:
        return
    visitor = Visitor(environment)
    before[0].running.crash()
    visitor.browse()
    environment.workload.round(environment.account_id)
    visitor.browse()
    environment.workload.settle(environment.account_id)
    visitor.browse()
    after = environment.tasks
    line, expected = (
        "ECS replaces it; its successor passes the health check",
        f"1 ended, 1 started, {len(before)} healthy",
    )
    ended, started = (sum(each not in others for each in of) for of, others in ((before, after), (after, before)))
    actual = f"{ended} ended, {started} started, {sum(_is_healthy(environment, each) for each in after)} healthy"
    yield environment.names.row("W7", "a task is restored automatically", line, expected, actual)
    line, expected = "requests from the loss of a task to its return", "0 of * failed after one retry"
    actual = f"{visitor.failed} of {visitor.sent} failed after one retry"
    yield environment.names.row("W7", "visitors notice nothing but a retry", line, expected, actual)


def _taken_back(environment: LiveEnvironment, image: str, what: str, look: Callable[[Seen], None]) -> Row:
    with SteadyRequests(environment.client, environment.url("origin", ASKED_FOR)) as visitors:
        old = visitors.next(1)[0].fact(VERSION)
        before = _weights(environment)
        deployed = _deployed(environment, image, look)
        after = Counter(each.fact(VERSION) == old for each in visitors.next(COUNTED))
    expected = f"ROLLBACK_SUCCESSFUL, UPDATE_ROLLBACK_COMPLETE; weights as before; answers {COUNTED}/0; 0 of * failed"
    weights = "as before" if _weights(environment) == before else _slashed(_weights(environment))
    actual = (
        f"{_last_deployment(environment)['status']}, {deployed.status}; weights {weights}; "
        f"answers {_slashed((after[True], after[False]))}; {visitors.account}"
    )
    line = f"elbv2:DescribeRules, requests for {ASKED_FOR} from beginning to end"
    return environment.names.row("D15", what, line, expected, actual)


def _deployed(environment: LiveEnvironment, image: str, look: Callable[[Seen], None]) -> Deployment:
    """Deploy an image round by round, and look each time that the deployment or the weights have moved."""
    changed = {APPLICATION_IMAGE: environment.image(image)}
    workload, account_id = environment.workload, environment.account_id
    last: Seen | None = None
    with workload.held(account_id), ThreadPoolExecutor(1) as pool:
        deploying = pool.submit(environment.change, changed)
        while not deploying.done():
            if not workload.is_deploying(account_id):
                time.sleep(POLL_SECONDS)
                continue
            workload.round(account_id)
            seen = Seen(_last_deployment(environment).get("lifecycleStage", ""), _weights(environment))
            if seen != last:
                look(seen)
            last = seen
    workload.settle(account_id)
    return deploying.result()


def _said(environment: LiveEnvironment, weights: Sequence[int], answers: Sequence[Asked], old: str) -> str:
    counted = Counter(each.fact(VERSION) == old for each in answers)
    tested = {old: "old", "": "no answer"}.get(_tested(environment), "new")
    return f"weights {_slashed(weights)}; answers {_slashed((counted[True], counted[False]))}; test: {tested}"


def _tested(environment: LiveEnvironment) -> str:
    """Return the version that answers a request of a test, as the load balancer's rule wants it."""
    rule = of_priority(environment.service("elbv2"), environment.names.values["load_balancer"], TEST_RULE)
    try:
        answer = environment.client.send("GET", environment.url("origin", ASKED_FOR), wanted_header(rule))
    except NoAnswerError:
        return ""
    return answer.fact(VERSION)


def _weights(environment: LiveEnvironment) -> tuple[int, ...]:
    rule = of_priority(environment.service("elbv2"), environment.names.values["load_balancer"], CONTAINERS_RULE)
    return tuple(weight for _, weight in forwarded(rule))


def _where(environment: LiveEnvironment) -> dict[str, str]:
    start = environment.tasks[0].start
    return {"cluster": start.cluster, "service": start.service}


def _last_deployment(environment: LiveEnvironment) -> dict[str, Any]:
    ecs = environment.service("ecs")
    newest = ecs.list_service_deployments(**_where(environment))["serviceDeployments"][0]["serviceDeploymentArn"]
    found: dict[str, Any] = ecs.describe_service_deployments(serviceDeploymentArns=[newest])["serviceDeployments"][0]
    return found


def _configuration(environment: LiveEnvironment) -> dict[str, Any]:
    where = _where(environment)
    [service] = environment.service("ecs").describe_services(cluster=where["cluster"], services=[where["service"]])[
        "services"
    ]
    configuration: dict[str, Any] = service["deploymentConfiguration"]
    return configuration


def _is_healthy(environment: LiveEnvironment, task: Task) -> bool:
    health = environment.workload.task_health(task)
    return health is not None and health.state == HEALTHY


def _slashed(numbers: Sequence[int]) -> str:
    return "/".join(map(str, numbers))

"""What the emulator's ECS remembers of its services: their revisions and deployments.

ministack 1.5.33 keeps services and tasks as its API shows them. What it lacks hangs on a service's record, under a name
that it never shows.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from __future__ import annotations

import math
import secrets
import string
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_clock import now

ECS = "ministack.services.ecs"
STATE = "_deployed"

Record = dict[str, Any]

IN_PROGRESS, SUCCESSFUL, STOPPED = "IN_PROGRESS", "SUCCESSFUL", "STOPPED"
ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS = "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"
ROLLBACK_SUCCESSFUL, ROLLBACK_FAILED = "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"
OPEN = frozenset({IN_PROGRESS, ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS})

PRE_SCALE_UP, SCALE_UP, POST_SCALE_UP = "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP"
TEST_SHIFT, POST_TEST_SHIFT = "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"
PRODUCTION_SHIFT, POST_PRODUCTION_SHIFT = "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"
BAKE_TIME, CLEAN_UP = "BAKE_TIME", "CLEAN_UP"

ROLLING = (SCALE_UP, CLEAN_UP)
BLUE_GREEN = (
    PRE_SCALE_UP,
    SCALE_UP,
    POST_SCALE_UP,
    TEST_SHIFT,
    POST_TEST_SHIFT,
    PRODUCTION_SHIFT,
    POST_PRODUCTION_SHIFT,
    BAKE_TIME,
    CLEAN_UP,
)
"""The stages of a deployment that shifts traffic.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html"""

AWAITING_ACTION, SUCCEEDED, FAILED, TIMED_OUT = "AWAITING_ACTION", "SUCCEEDED", "FAILED", "TIMED_OUT"
MONITORING, TRIGGERED, DISABLED, COMPLETE = "MONITORING", "TRIGGERED", "DISABLED", "MONITORING_COMPLETE"


Shifts = tuple[tuple[float, int], ...]
"""Percent of the requests to the new revision, each with the minutes until the next step."""


@dataclass(frozen=True)
class Revision:
    """What a service's tasks are like: a service revision.

    `settings` are the parameters of CreateService that make one; `groups` are the target groups of its tasks, one for
    each load balancer of the settings.
    """

    arn: str
    created_at: int
    settings: Record
    groups: tuple[str, ...]

    @property
    def task_definition(self) -> str:
        return str(self.settings["taskDefinition"])


@dataclass
class Hook:
    """A pause of a deployment, which somebody ends or which runs out: `minutes` are left."""

    stage: str
    minutes: int
    timeout_action: str
    status: str = AWAITING_ACTION
    hook_id: str = field(default_factory=lambda: f"ecs-pause-{secrets.token_urlsafe(32)}")
    opened_at: int = field(default_factory=lambda: int(now()))


@dataclass
class Deployment:
    """A deployment of a service, from one revision, which the first one lacks, to another.

    `step` counts the parts in which production traffic has shifted; `waits` are the minutes left of a bake or a step.
    """

    arn: str
    target: Revision
    source: Revision | None
    configuration: Record
    alarms: str = DISABLED
    status: str = IN_PROGRESS
    stage: str = ""
    reason: str = ""
    step: int = 0
    waits: int = 0
    failures: int = 0
    hooks: list[Hook] = field(default_factory=list)
    triggered_alarms: list[str] = field(default_factory=list)
    tripped: bool = False
    rollback: Record | None = None
    created_at: int = field(default_factory=lambda: int(now()))
    updated_at: int = field(default_factory=lambda: int(now()))
    finished_at: int | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def strategy(self) -> str:
        return str(self.configuration.get("strategy") or "ROLLING")

    @property
    def stages(self) -> tuple[str, ...]:
        return ROLLING if self.strategy == "ROLLING" else BLUE_GREEN

    @property
    def shifts(self) -> Shifts:
        """The steps of the production traffic; there is nothing to shift from at first."""
        return ((100, 0),) if self.source is None else shifts_of(self.configuration)

    @property
    def hook(self) -> Hook | None:
        """The pause at which the deployment waits."""
        return next((each for each in self.hooks if each.status == AWAITING_ACTION), None)


def shifts_of(configuration: Record) -> Shifts:
    """Return the steps in which a deployment's configuration shifts production traffic.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    """
    if configuration.get("strategy") == "CANARY":
        canary = configuration.get("canaryConfiguration") or {}
        return ((canary.get("canaryPercent", 5), canary.get("canaryBakeTimeInMinutes", 10)), (100, 0))
    if configuration.get("strategy") == "LINEAR":
        linear = configuration.get("linearConfiguration") or {}
        percent, minutes = linear.get("stepPercent", 10), linear.get("stepBakeTimeInMinutes", 6)
        shares = [min(100, percent * number) for number in range(1, 1 + math.ceil(100 / percent))]
        return tuple((share, minutes if share < 100 else 0) for share in shares)
    return ((100, 0),)


@dataclass
class Deployed:
    """What is deployed of a service: the revision in production, and all deployments, the newest first."""

    revision: Revision | None = None
    deployments: list[Deployment] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)

    @property
    def open(self) -> Deployment | None:
        """The deployment under way."""
        return next((each for each in self.deployments if each.is_open), None)


def deployed(service: Record) -> Deployed:
    """Return what hangs on a service's record."""
    found: Deployed = service.setdefault(STATE, Deployed())
    return found


def add_event(service: Record, message: str) -> None:
    """Note something that DescribeServices shows, the newest first."""
    event = {
        "id": str(uuid.uuid4()),
        "createdAt": int(now()),
        "message": f"(service {service['serviceName']}) {message}",
    }
    service["events"].insert(0, event)


def all_services() -> Iterator[tuple[str, str, Record]]:
    """Yield the services of all accounts, each with its account and region."""
    for (account_id, region, _), service in import_module(ECS)._services.all_items():
        yield account_id, region, service


def find_service(cluster: str, reference: str) -> Record | None:
    """Return a service that is given by its name or ARN, as requests do it; nothing where there is none."""
    ecs: Any = import_module(ECS)
    found = ecs._resolve_service_ref(reference)
    if found is None:
        return None
    name, of_cluster = found
    key = f"{of_cluster or ecs._resolve_cluster_name(cluster)}/{name}"
    service: Record | None = ecs._services.get(key)
    return service


def is_active(service: Record) -> bool:
    return bool(service["status"] == "ACTIVE")


def part_of_arn(service_arn: str) -> str:
    """Return cluster and name, as the ARNs of revisions and deployments have them."""
    return service_arn.partition(":service/")[2]


def new_arn(service_arn: str, kind: str) -> str:
    """Return the ARN of a new revision or deployment of a service."""
    prefix = service_arn.partition(":service/")[0]
    letters = string.ascii_letters + string.digits
    number = str(secrets.randbelow(10**19)) if kind == "service-revision" else None
    return f"{prefix}:{kind}/{part_of_arn(service_arn)}/{number or ''.join(secrets.choice(letters) for _ in range(21))}"

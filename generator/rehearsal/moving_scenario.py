"""An environment moves from web servers to containers and back, one setting at a time, while visitors ask (D2, D15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from generator.delivery.deploy import Deployment
from generator.rehearsal.requests_scenarios import LiveEnvironment, Rows
from generator.rehearsal.steady_requests import Asked, SteadyRequests

ASKED_FOR = "/api/products"
COUNTED = 20
VERSION = "X-Application-Version"
"""A header that containers answer with, and web servers do not."""

SERVERS, CONTAINERS = "servers", "containers"
Way = Sequence[tuple[str, str, str]]
"""`Compute` and `ServerPaths` of each step, and who answers then (docs/decisions/0021)."""

THERE: Way = (("both", "/*", SERVERS), ("both", "/nothing-yet", CONTAINERS), ("fargate", "/*", CONTAINERS))
BACK: Way = (("both", "/*", SERVERS), ("ec2", "/*", SERVERS))


def moving(environment: LiveEnvironment, images: Mapping[str, str], way: Way) -> Rows:
    """Each step is one deployment, and none of them costs a request. `images` are parameters of the release."""
    with SteadyRequests(environment.client, environment.url("origin", ASKED_FOR)) as visitors:
        for compute, paths, who in way:
            failed = len(visitors.failed)
            deployed = environment.change({"Compute": compute, "ServerPaths": paths, **images})
            environment.workload.settle(environment.account_id)
            answered = _answered(visitors.next(COUNTED))
            line = f"Compute={compute}, ServerPaths={paths}: {COUNTED} requests for {ASKED_FOR}"
            expected = f"UPDATE_COMPLETE; {COUNTED} by {who}; 0 failed so far"
            actual = f"{_outcome(deployed)}; {answered}; {len(visitors.failed) - failed} failed so far"
            yield environment.names.row("D15", "from servers to containers and back", line, expected, actual)
        line = f"requests for {ASKED_FOR} from the first step to the last"
        yield environment.names.row("D15", "nobody notices the move", line, "0 of * failed", visitors.account)


def _outcome(deployed: Deployment) -> str:
    failure = deployed.first_failure
    return deployed.status if failure is None else f"{deployed.status} ({failure.address}: {failure.reason})"


def _answered(answers: Sequence[Asked]) -> str:
    counted = Counter(CONTAINERS if each.fact(VERSION) else SERVERS for each in answers)
    return ", ".join(f"{count} by {who}" for who, count in sorted(counted.items()))

"""The rehearsed platform as a place to visit: with its application released, and power over its web servers."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from generator.environment import ENVIRONMENTS, load_all, select
from generator.rehearsal.health_checks import HEALTHY, UNHEALTHY
from generator.rehearsal.rehearse import started
from generator.rehearsal.requests_scenarios import LiveEnvironment
from generator.release import folder_of
from tests.visitors.site import Site

REPOSITORY = Path(__file__).parents[2]
WITH_TWO_SERVERS, WITH_ONE = "staging", "dev"
"""Environments, as their settings in params are."""
DOMAIN = "shop.example.com"
NARRATION_WIDTH = 140


@contextmanager
def for_load() -> Iterator[RehearsedGround]:
    """Provide an environment of more than one web server, without a domain, for the time of a `with` block."""
    with _live(WITH_TWO_SERVERS) as (live, site):
        yield RehearsedGround(live, site)


@contextmanager
def for_pages() -> Iterator[Site]:
    """Provide an environment with a domain, whose website and application are behind CloudFront."""
    with _live(WITH_ONE, {"DomainName": DOMAIN}) as (_, site):
        yield site


class RehearsedGround:
    """One environment, which loses the oldest of its web servers when it is asked to."""

    def __init__(self, live: LiveEnvironment, site: Site) -> None:
        self.site = site
        self._live = live
        self._before = live.instances
        self._victim = self._before[0]

    @property
    def unhealthy_after(self) -> int:
        """How many failed health checks take a web server out of service, in whichever fleet."""
        groups = self._live.service("elbv2").describe_target_groups()["TargetGroups"]
        [threshold] = {int(each["UnhealthyThresholdCount"]) for each in groups}
        return threshold

    def kill(self) -> None:
        """End one of the web servers at once."""
        self._victim.server.kill()

    def check_health(self) -> None:
        """Let the load balancer look at each web server once, and the Auto Scaling group act on what it found.

        It acts once: the replacement's grace period is longer than a run, and while it boots, it is not healthy either.
        """
        self._live.workload.check_health(self._live.account_id)
        if self._victim in self._live.instances:
            self._live.workload.replace_unhealthy(self._live.account_id)

    def noticed(self) -> bool:
        """Whether the load balancer sends nothing to the killed web server any more."""
        health = self._live.workload.health(self._victim)
        return health is None or health.state == UNHEALTHY

    def replaced(self) -> bool:
        """Whether as many web servers as there were are in service, and the killed one is gone."""
        found = [self._live.workload.health(each) for each in self._live.instances if each is not self._victim]
        return sum(health is not None and health.state == HEALTHY for health in found) == len(self._before)


@contextmanager
def _live(name: str, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[tuple[LiveEnvironment, Site]]:
    """Provide an environment with the release deployed and the sample application running.

    How the rehearsal went is told where it fails, and only then.
    """
    release = folder_of(REPOSITORY / "templates_out")
    configurations = select(load_all(REPOSITORY / "params"), ENVIRONMENTS)
    narration = io.StringIO()
    console = Console(file=narration, highlight=False, width=NARRATION_WIDTH)
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="visitors-"))
            rehearsal = stack.enter_context(started(REPOSITORY, release, configurations, console, settings=settings))
            rehearsal.bring_to(release, name)
            live = rehearsal.release_application(name)
        except Exception:
            print(narration.getvalue(), end="", file=sys.stderr)
            raise
        yield live, _site_of(live, Path(folder))


def _site_of(live: LiveEnvironment, folder: Path) -> Site:
    """Return how visitors reach an environment. What they trust is written into the folder."""
    website, application = (live.names.values[each] for each in ("website", "application"))
    fronts = {name: live.fronts.of(name) for name in (website, application)}
    certificates = folder / "trusted.pem"
    certificates.write_text("".join(dict.fromkeys(front.endpoint.trusted for front in fronts.values())))
    ports = {name: front.port for name, front in fronts.items()}
    return Site(f"https://{website}", f"https://{application}", ports, str(certificates))

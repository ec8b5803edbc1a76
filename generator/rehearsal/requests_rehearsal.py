"""The application in a rehearsed environment: its release, and what its visitors see then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from generator.delivery import application_archive
from generator.delivery.application_archive import ASSETS, ApplicationArchive
from generator.delivery.deploy import Deployment
from generator.errors import UserError
from generator.rehearsal.application_release import ARCHIVE_KEY, build_archive, change_settings, publish_to
from generator.rehearsal.canary_run import canary_rows
from generator.rehearsal.container_scenarios import alarm_in_the_bake, lost_task, new_image, unhealthy_image
from generator.rehearsal.emulator_canaries import canaries
from generator.rehearsal.emulator_sessions import assumed_by_service
from generator.rehearsal.green_servers_scenario import green_servers
from generator.rehearsal.pipeline_actions import CODEPIPELINE
from generator.rehearsal.programs import Program, program
from generator.rehearsal.requests_client import Client
from generator.rehearsal.requests_list import (
    APPLICATION_BEHIND_CLOUDFRONT,
    CLOUDFRONT,
    LOAD_BALANCER,
    LOAD_BALANCER_REFUSES,
)
from generator.rehearsal.requests_scenarios import SCENARIOS, LiveEnvironment, Scenario
from generator.rehearsal.requests_table import Names, Request, Row, ask
from generator.rehearsal.workload import APPLICATION_PYTHON

if TYPE_CHECKING:
    from generator.rehearsal.rehearse import Rehearsal

NEW_VERSIONS: tuple[Scenario, ...] = (green_servers, new_image, unhealthy_image, alarm_in_the_bake)
"""What is tried out where `Compute` is: it takes a while."""

DEPLOYS = "CHANGE_SET_REPLACE"
ORIGIN = "origin."
"""How the load balancer's name begins that stands in front of the domain."""


def refuse_missing_programs(project: Path) -> None:
    """Raise `UserError`, with what to install, where something is missing that runs the application."""
    needed: tuple[Program, ...] = ("nginx", "node", "postgres", "initdb", "psql")
    for each in needed:
        program(each)
    if not (project / APPLICATION_PYTHON).exists():
        raise UserError(f"{APPLICATION_PYTHON} is missing: set it up with make application")


def release_application(rehearsal: Rehearsal, name: str) -> LiveEnvironment:
    """Publish the sample application to a deployed environment and let its web servers run it; return what is there.

    The web servers are replaced one after the other. Raises `UserError` where the release fails.
    """
    accounts = rehearsal.accounts
    # Environments get their release side by side: each builds into a folder of its own.
    archive = build_archive(rehearsal.project, rehearsal.workspace / f"application-{name}")
    cloudformation = accounts.client("cloudformation", name)
    has_domain = bool(rehearsal.configurations[name].environment.domain_name.literal)
    published = publish_to(accounts.client("s3", name), cloudformation, archive, name, has_domain)
    deployment = deploy_key(rehearsal, name, published.key)
    if not deployment.complete:
        failure = deployment.first_failure
        why = f": {failure.address}: {failure.reason}" if failure else ""
        raise UserError(f"{name}: the application cannot be released: {deployment.status}{why}")
    rehearsal.open_to_clients(name, deployment.outputs)
    return _live(rehearsal, name, deployment, application_archive.read(archive))


def rehearse_requests(rehearsal: Rehearsal, live: LiveEnvironment) -> Iterator[Row]:
    """Ask an environment everything that a visitor may ask; yield how it answered. Servers are lost on the way."""
    for request in requests_of(rehearsal, live):
        yield ask(live.client, request, live.names)
    found = canaries(rehearsal.accounts.emulator.directory, live.account_id)
    yield from canary_rows(found, live.fronts, rehearsal.behind.certificates.authority.certificate, live.names)
    for scenario in (*SCENARIOS, lost_task, *(NEW_VERSIONS if rehearsal.tries_compute else ())):
        yield from scenario(live)


def requests_of(rehearsal: Rehearsal, live: LiveEnvironment) -> Sequence[Request]:
    """Return the requests that make sense with an environment's settings."""
    environment = rehearsal.configurations[live.names.environment].environment
    requests: tuple[Request, ...] = CLOUDFRONT
    if environment.load_balancer_access.literal == "cloudfront":
        requests += LOAD_BALANCER_REFUSES
    else:
        requests += LOAD_BALANCER
    if environment.domain_name.literal:
        requests += APPLICATION_BEHIND_CLOUDFRONT
    return requests


def deploy_key(rehearsal: Rehearsal, name: str, key: str) -> Deployment:
    """Deploy an archive with the roles of the pipeline, which on AWS does it after the key was committed."""
    return deploy_settings(rehearsal, name, {ARCHIVE_KEY: key})


def deploy_settings(rehearsal: Rehearsal, name: str, changed: Mapping[str, str]) -> Deployment:
    """Deploy other settings with the roles of the pipeline, which on AWS does it after they were committed."""
    accounts, pipeline = rehearsal.accounts, rehearsal.engine.pipeline
    [action] = [
        each for each in pipeline.stage(name.capitalize()).actions if each.configuration.get("ActionMode") == DEPLOYS
    ]
    source = f"arn:aws:codepipeline:{accounts.region}:{pipeline.role_arn.split(':')[4]}:{pipeline.name}"
    session = assumed_by_service(
        accounts.emulator, pipeline.role_arn, accounts.region, CODEPIPELINE, source, "application"
    )
    cloudformation = session.assume(action.role_arn, "application").client("cloudformation")
    tags, role_arn = rehearsal.configurations[name].tags, action.configuration["RoleArn"]
    return change_settings(cloudformation, name, changed, tags, role_arn, lambda _: None)


def _live(rehearsal: Rehearsal, name: str, deployment: Deployment, archive: ApplicationArchive) -> LiveEnvironment:
    outputs, domain = deployment.outputs, rehearsal.configurations[name].environment.domain_name.literal
    balancer = outputs["LoadBalancerDnsName"].lower()
    client = Client(rehearsal.behind.fronts, rehearsal.accounts.emulator.endpoint_url.partition("//")[2])
    values = {
        "load_balancer": balancer,
        "origin": f"{ORIGIN}{domain}" if domain else balancer,
        "application": domain or balancer,
        "website": domain or outputs["DistributionDomainName"].lower(),
        "domain": domain,
        "distribution": outputs["DistributionId"],
        "bucket": outputs["WebsiteBucketName"],
        "stylesheet": next(f"/{path}" for path in archive.site if path.startswith(ASSETS) and path.endswith(".css")),
        "image": "/product-images/harbour-mug.svg",
        "region": rehearsal.accounts.region,
    }
    return LiveEnvironment(
        names=Names(name, values),
        client=client,
        fronts=rehearsal.behind.fronts,
        workload=rehearsal.behind.workload,
        account_id=rehearsal.accounts.id_of(name),
        service=rehearsal.accounts.clients(name),
        change=lambda changed: deploy_settings(rehearsal, name, changed),
        image=rehearsal.behind.images.other,
    )

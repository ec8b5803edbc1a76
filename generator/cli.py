"""The command line: `python -m generator`, which the Makefile's targets call.

Exit codes: 0 done or nothing to do, 1 failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from generator import __version__
from generator.cost_command import cost
from generator.diagram_command import diagram
from generator.drill_command import drill
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.images_command import APPLICATION, images
from generator.impact_command import impact
from generator.interrupts import end_interrupted
from generator.reference_command import reference
from generator.restore_command import restore
from generator.runbook_command import runbook
from generator.scaling_command import scaling

if TYPE_CHECKING:
    from generator.environment import TemplateConfiguration
    from generator.rehearsal.pipeline_actions import Approval

TEMPLATES_OUT = Path("templates_out")
PARAMS = Path("params")
WAIVERS = PARAMS / "waivers.yaml"
LINT_CACHE = Path(".cache/lint")
CHECK_TOOLS = Path(".venv-checks")
APPLICATION_ARCHIVE = Path(".cache/application.tar.gz")
SECURITY_PAGE, EXPOSURE_PAGE = Path("docs/security.md"), Path("docs/exposure.md")
ANY_ACCOUNT = "000000000000"
"""Where nothing depends on which account it is."""
WIDTH_OF_LOGS = 140
"""Columns for tables where no terminal says how many there are."""

# No emoji: in an ARN or a fingerprint, the letters between two colons would become one.
console = Console(highlight=False, emoji=False)
errors = Console(stderr=True, highlight=False, emoji=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Emit, check and rehearse the CloudFormation templates of the web platform."""


cli.add_command(cost)
cli.add_command(diagram)
cli.add_command(drill)
cli.add_command(images)
cli.add_command(impact)
cli.add_command(reference)
cli.add_command(restore)
cli.add_command(runbook)
cli.add_command(scaling)


@cli.command()
def templates() -> None:
    """Write the current release to templates_out/, checked, whole or not at all."""
    from generator.environment import load_all
    from generator.release import changes, folder_of, replace, staged, verify_released
    from generator.rendering import render

    verify_released(TEMPLATES_OUT)
    environments = load_all(PARAMS)
    files = render()
    release = folder_of(TEMPLATES_OUT)
    with staged(release, files) as staging:
        _check(staging, environments)
        changed = changes(release, files)
        if changed:
            replace(release, staging)
    for name, change in changed.items():
        console.print(f"{change:>8}  {release / name}", soft_wrap=True)
    outcome = f"{len(changed)} of {len(files)} files written" if changed else "nothing changed"
    valid = f"{len(files) - 1} templates and {len(environments)} environments are valid"
    console.print(f"{release}: {outcome}; {valid}", soft_wrap=True)


@cli.command()
def release() -> None:
    """Mark the current release as released: from then on it cannot change."""
    from generator.release import folder_of, mark_released

    folder = folder_of(TEMPLATES_OUT)
    mark_released(folder)
    console.print(f"{folder}: released; commit it, and raise __version__ before the next change", soft_wrap=True)


@cli.command()
@click.option("--to", type=click.Choice(ENVIRONMENTS), default=ENVIRONMENTS[-1], help="Promote no further than this.")
@click.option("--from", "previous", metavar="RELEASE", help="Let the environments run this release first: v1.1.0.")
@click.option("--approve", "answer", flag_value="approve", help="Approve without asking.")
@click.option("--reject", "answer", flag_value="reject", help="Reject where approval is asked for.")
@click.option("--fail-at", metavar="STAGE[:WHAT]", default="", help="Let an action or a resource of a stage fail.")
@click.option("--variable", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the pipeline.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another setting than in params: DomainName=shop.example.com. The release is then deployed without a build.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the emulator; a free one by default.")
def rehearse(
    to: str,
    previous: str | None,
    answer: str | None,
    fail_at: str,
    variables: tuple[str, ...],
    settings: tuple[str, ...],
    port: int | None,
) -> None:
    """Execute the generated pipeline on an emulator of AWS: build, promote, inspect, release the application, visit."""
    from generator.environment import load_all, select
    from generator.rehearsal.rehearse import rehearse as run
    from generator.rehearsal.wishes import Wishes
    from generator.release import folder_of

    configurations = select(load_all(PARAMS), ENVIRONMENTS)
    wishes = Wishes(
        approve=_approver(answer),
        fail_at=fail_at,
        previous=TEMPLATES_OUT / previous if previous else None,
        to=to,
        variables=_pairs("--variable", variables),
        visit=True,
    )
    other = _pairs("--set", settings)
    if other and (fail_at or previous or variables):
        raise UserError("--set deploys the release as it is: leave out --from, --fail-at and --variable")
    if not run(Path.cwd(), folder_of(TEMPLATES_OUT), configurations, wishes, _for_tables(), port, other):
        sys.exit(1)


@cli.command()
@click.option("--write", is_flag=True, help="Write the list of claims to the documentation.")
def check(write: bool) -> None:
    """Prove who can reach what and who may do what, and hold the templates to rules of others; fail otherwise."""
    from generator.checks.proofs import prove
    from generator.checks.rule_sets.tool_environment import ToolEnvironment
    from generator.environment import load_all
    from generator.release import folder_of
    from generator.reports.generated_section import update, with_section
    from generator.reports.verdicts import SECTION, claims, print_verdicts

    verdicts = prove(Path.cwd(), folder_of(TEMPLATES_OUT), load_all(PARAMS), ToolEnvironment(CHECK_TOOLS))
    all_hold = print_verdicts(_for_tables(), verdicts)
    if write:
        update(SECURITY_PAGE, SECTION, claims(verdicts))
    page = SECURITY_PAGE.read_text(encoding="utf-8")
    if page != with_section(page, SECTION, claims(verdicts)):
        raise UserError(f"{SECURITY_PAGE}: lists other claims than were examined; write it with make check WRITE=yes")
    if not all_hold:
        sys.exit(1)


@cli.command()
def exposure() -> None:
    """Show who can reach whom in all settings, and write it to the documentation."""
    from generator.checks.exposure import exposures
    from generator.checks.settings import all_settings, resolved
    from generator.environment import load_all
    from generator.release import folder_of
    from generator.reports.exposure import SECTION, markdown, print_matrix
    from generator.reports.generated_section import update

    release = folder_of(TEMPLATES_OUT)
    found = exposures([(setting, resolved(release, setting)) for setting in all_settings(load_all(PARAMS))])
    print_matrix(_for_tables(), found)
    changed = update(EXPOSURE_PAGE, SECTION, markdown(found))
    console.print(f"{EXPOSURE_PAGE}: {'written' if changed else 'nothing changed'}", soft_wrap=True)


@cli.command(hidden=True)  # the pipeline's build calls it
@click.option("--bucket", required=True, help="Bucket that takes the templates.")
@click.option("--dist", type=click.Path(path_type=Path), default=Path("dist"), help="Folder for what stages deploy.")
@click.option("--images", "with_images", is_flag=True, help="Pin the images that tasks start from.")
def publish(bucket: str, dist: Path, with_images: bool) -> None:
    """Publish the current release to a bucket, pin its AMI, and write what the deploying stages work from."""
    from generator.delivery import session
    from generator.delivery.images import NO_IMAGES, needed, pinned
    from generator.delivery.publish import publish as run
    from generator.release import folder_of

    release = folder_of(TEMPLATES_OUT)
    with session.explained(f"pinning the images of {release.name}"):
        named = pinned(session.client("ecr"), needed(APPLICATION)) if with_images else NO_IMAGES
    published = run(session.client("s3"), session.client("ssm"), release, PARAMS, bucket, dist, named)
    for name, value in published.items():
        console.print(f"{name}: {value}", soft_wrap=True)


@cli.command("publish-application")
@click.option("--environment", "-e", "name", required=True, help="Environment that gets the application.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    default=APPLICATION_ARCHIVE,
    show_default=True,
    help="The application's .tar.gz.",
)
def publish_application(name: str, archive: Path) -> None:
    """Publish an application's archive, and its pages, to the buckets of a deployed environment."""
    from generator.delivery import session
    from generator.delivery.application import describe, destination
    from generator.delivery.application import publish_application as run
    from generator.environment import load_all, select

    [configuration] = select(load_all(PARAMS), [name])
    region, has_domain = configuration.region, bool(configuration.environment.domain_name.literal)
    with session.explained(f"publishing {archive} to {name} in {region}"):
        to = destination(session.client("cloudformation", region), name)
        application_url = "" if has_domain else to.application_url
        s3 = session.client("s3", region)
        published = run(s3, archive, to.release_bucket, to.website_bucket, application_url)
    for line in describe(published, name):
        console.print(line, soft_wrap=True, markup=False)


@cli.group()
def bootstrap() -> None:
    """Prepare an AWS account for the pipeline, with the credentials of its administrator."""


@bootstrap.command("tools")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
def bootstrap_tools(parameters: tuple[str, ...]) -> None:
    """Create or update the pipeline in the tools account; print what to do next."""
    from generator.delivery import bootstrap as steps
    from generator.delivery import session
    from generator.environment import load_all
    from generator.rehearsal.report import Narrator
    from generator.release import folder_of

    release = folder_of(TEMPLATES_OUT)
    given = steps.parse_parameters(parameters)
    tags = load_all(PARAMS)[-1].tags
    account_id, region = session.account_and_region()
    deployment = steps.bootstrap_tools(session.client("cloudformation"), release, given, Narrator(console).event, tags)
    for line in steps.after_tools(release, given, deployment.outputs, account_id, region):
        console.print(line, soft_wrap=True, markup=False)


@bootstrap.command("target")
@click.option("--environment", "-e", "name", required=True, help="Environment that this account is for.")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
def bootstrap_target(name: str, parameters: tuple[str, ...]) -> None:
    """Create or update what the pipeline and CloudFront need in an environment's account; print what to do next."""
    from generator.delivery import bootstrap as steps
    from generator.delivery import session
    from generator.environment import load_all, select
    from generator.regions import EDGE_REGION
    from generator.rehearsal.report import Narrator
    from generator.release import folder_of

    [configuration] = select(load_all(PARAMS), [name])
    with_trail, given = steps.audit_trail_choice(steps.parse_parameters(parameters))
    release, narrator, region = folder_of(TEMPLATES_OUT), Narrator(console), configuration.region
    here, at_the_edge = (session.client("cloudformation", each) for each in (region, EDGE_REGION))
    steps.bootstrap_target(here, release, configuration, given, narrator.event)
    if with_trail:
        steps.bootstrap_audit_trail(here, release, configuration, narrator.event)
    steps.bootstrap_recovery_region(
        lambda region: session.client("cloudformation", region), release, configuration, narrator.event
    )
    steps.bootstrap_global_edge(at_the_edge, session.client("ssm", region), release, configuration, narrator.event)
    for line in steps.after_target(configuration):
        console.print(line, soft_wrap=True, markup=False)


@cli.command()
@click.option("--environment", "-e", "name", required=True, help="Environment whose load balancer it is for.")
@click.option("--days", type=int, default=365, show_default=True, help="How long a new one is valid: 398 at most.")
@click.option("--renew-before", type=int, default=60, show_default=True, help="Renew that many days before its end.")
def certificate(name: str, days: int, renew_before: int) -> None:
    """Make the self-signed certificate of an environment without a domain, or renew it, where that is due."""
    from generator.delivery import session
    from generator.delivery.certificate import Validity, describe, ensure_certificate
    from generator.delivery.environment_account import refuse_unprepared_account
    from generator.environment import load_all, select

    [configuration] = select(load_all(PARAMS), [name])
    validity = Validity(days, renew_before)
    if domain := configuration.environment.domain_name.literal:
        console.print(f"{name}: nothing to do: ACM issues and renews the certificate of {domain}", soft_wrap=True)
        return
    region = configuration.region
    refuse_unprepared_account(session.client("cloudformation", region), name)
    with session.explained(f"the certificate of {name} in {region}"):
        acm, ssm = session.client("acm", region), session.client("ssm", region)
        found = ensure_certificate(acm, ssm, configuration, datetime.now(UTC), validity)
    for line in describe(found, name):
        console.print(line, soft_wrap=True, markup=False)


@cli.command(hidden=True)  # the pipeline's review calls it
@click.option("--environment", "-e", "name", required=True, help="Environment that the release is on its way to.")
@click.option("--artifact", type=click.Path(path_type=Path), required=True, help="Folder that the build handed on.")
@click.option("--review-role", required=True, help="ARN of the role to assume in the environment's account.")
@click.option("--cloudformation-role", required=True, help="ARN of CloudFormation's service role there.")
@click.option("--execution", required=True, help="Id of the pipeline's execution.")
@click.option("--variables", type=click.Path(path_type=Path), required=True, help="File for the shell's variables.")
def review(
    name: str, artifact: Path, review_role: str, cloudformation_role: str, execution: str, variables: Path
) -> None:
    """Make the change set for an environment, and a report of it for who must approve; fail where data is at stake."""
    from generator.checks.waivers import load as load_waivers
    from generator.delivery import session
    from generator.delivery.review import Subject, as_variables
    from generator.delivery.review import review as run
    from generator.environment import load_all, select

    configurations = load_all(PARAMS)
    [configuration] = select(configurations, [name])
    today = datetime.now(UTC).date()
    account_id = review_role.split(":")[4]
    region = configuration.region
    subject = Subject(artifact, configuration, account_id, region, cloudformation_role, execution)
    with tempfile.TemporaryDirectory(prefix="review-") as workspace:
        found = run(
            session.client_of_role("cloudformation", review_role, region),
            session.client("s3", region),
            subject,
            load_waivers(WAIVERS, [c.source.stem for c in configurations], today),
            today,
            Path(workspace),
        )
    variables.write_text(as_variables(found), encoding="utf-8")
    console.print(found.summary, soft_wrap=True, markup=False)
    console.print(found.report_url, soft_wrap=True, markup=False)
    if not found.acceptable:
        sys.exit(1)


def _approver(answer: str | None) -> Callable[[str], Approval]:
    """Return who approves: the option given, or whoever sits at the terminal."""
    from generator.rehearsal.pipeline_actions import Approval

    if answer is None and not sys.stdin.isatty():
        raise UserError("the pipeline asks for approval and nobody sits at a terminal: give --approve or --reject")

    def ask(question: str) -> Approval:
        if answer is not None:
            return Approval(answer == "approve", f"by --{answer}")
        return Approval(click.confirm(f"{question}\nApprove?"), "on the terminal")

    return ask


def _for_tables() -> Console:
    """Return the console, as wide as its terminal, or as wide as a table needs where there is none."""
    return console if console.is_terminal else Console(highlight=False, emoji=False, width=WIDTH_OF_LOGS)


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return what an option says as NAME=VALUE. Raises `UserError`."""
    for pair in given:
        if "=" not in pair:
            raise UserError(f"{option} {pair!r}: must be NAME=VALUE")
    return dict(pair.split("=", 1) for pair in given)


def _check(staging: Path, environments: list[TemplateConfiguration]) -> None:
    """Raise `UserError` with every finding of the gates on a staged release and the environments' values."""
    from generator.checks.lint import lint_templates
    from generator.checks.quotas import check_parameter_values, check_quotas
    from generator.release import read_manifest
    from generator.template_yaml import load

    problems = []
    for name, entry in read_manifest(staging)["templates"].items():
        body = (staging / name).read_text(encoding="utf-8")
        problems += check_quotas(name, body, load(body), root=entry["root"])
    for environment in environments:
        problems += check_parameter_values(str(environment.source), environment.parameters())
    try:
        problems += [str(finding) for finding in lint_templates(staging, LINT_CACHE)]
    except OSError as error:
        raise UserError(f"{LINT_CACHE}: cannot be written: {error.strerror}") from error
    if problems:
        raise UserError("\n".join(problems))


def main() -> None:
    """Run the command line; turn what a user can mend into one clear message without a traceback."""
    try:
        cli(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        errors.print("interrupted", style="bold red")
        end_interrupted()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        errors.print("error:", style="bold red", end=" ")
        errors.print(str(error), markup=False, soft_wrap=True)
        sys.exit(error.exit_code)

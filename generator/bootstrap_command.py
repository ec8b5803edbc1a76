"""The commands `bootstrap`: what the pipeline needs in an account, made with its administrator's credentials."""

from __future__ import annotations

import click

from generator.command_help import examples
from generator.folders import PARAMS, TEMPLATES_OUT


@click.group()
def bootstrap() -> None:
    """Prepare an AWS account for the pipeline, with the credentials of its administrator."""


@bootstrap.command(
    "tools",
    short_help="Create or update the pipeline in the tools account.",
    epilog=examples(
        "bootstrap tools DevAccountId=111122223333 SourceRepository=my-team/platform",
        then="the commands that it prints, one for each environment's account",
    ),
)
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
def tools(parameters: tuple[str, ...]) -> None:
    """Create or update the pipeline in the tools account; print what to do next."""
    from generator.delivery import bootstrap as steps
    from generator.delivery import session
    from generator.environment import load_all
    from generator.rehearsal.report import Narrator
    from generator.release import folder_of
    from generator.terminal import results, working

    release, console = folder_of(TEMPLATES_OUT), results()
    given = steps.parse_parameters(parameters)
    tags = load_all(PARAMS)[-1].tags
    account_id, region = session.account_and_region()
    with working("the pipeline's account", console) as say:
        on_event = Narrator(console, say).event
        deployment = steps.bootstrap_tools(session.client("cloudformation"), release, given, on_event, tags)
    for line in steps.after_tools(release, given, deployment.outputs, account_id, region):
        click.echo(line)


@bootstrap.command(
    "target",
    short_help="Create or update what an environment's account needs.",
    epilog=examples(
        "bootstrap target --environment dev ToolsAccountId=999900001111",
        then="without a domain: certificate --environment dev; then push",
    ),
)
@click.option("--environment", "-e", "name", required=True, help="Environment that this account is for.")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
def target(name: str, parameters: tuple[str, ...]) -> None:
    """Create or update what the pipeline and CloudFront need in an environment's account; print what to do next."""
    from generator.delivery import bootstrap as steps
    from generator.delivery import session
    from generator.environment import load_all, select
    from generator.regions import EDGE_REGION
    from generator.rehearsal.report import Narrator
    from generator.release import folder_of
    from generator.terminal import results, working

    [configuration] = select(load_all(PARAMS), [name])
    with_trail, given = steps.audit_trail_choice(steps.parse_parameters(parameters))
    release, console, region = folder_of(TEMPLATES_OUT), results(), configuration.region
    here, at_the_edge = (session.client("cloudformation", each) for each in (region, EDGE_REGION))
    with working(f"the account of {name}", console) as say:
        on_event = Narrator(console, say).event
        steps.bootstrap_target(here, release, configuration, given, on_event)
        if with_trail:
            steps.bootstrap_audit_trail(here, release, configuration, on_event)
        steps.bootstrap_recovery_region(
            lambda other: session.client("cloudformation", other), release, configuration, on_event
        )
        steps.bootstrap_global_edge(at_the_edge, session.client("ssm", region), release, configuration, on_event)
    for line in steps.after_target(configuration):
        click.echo(line)

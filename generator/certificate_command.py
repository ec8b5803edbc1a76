"""The command `certificate`: an environment without a domain gets one that it signs itself."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from generator.command_help import examples
from generator.folders import PARAMS


@click.command(
    epilog=examples(
        "certificate --environment dev",
        then="nothing: deployments read where it is; call it again before it expires (an alarm says so)",
    )
)
@click.option("--environment", "-e", "name", required=True, help="Environment whose load balancer it is for.")
@click.option("--days", type=int, default=365, show_default=True, help="How long a new one is valid: 398 at most.")
@click.option("--renew-before", type=int, default=60, show_default=True, help="Renew that many days before its end.")
def certificate(name: str, days: int, renew_before: int) -> None:
    """Make the self-signed certificate of an environment without a domain, or renew it, where that is due."""
    from generator.delivery import session
    from generator.delivery.certificate import Validity, describe, ensure_certificate
    from generator.delivery.environment_account import refuse_unprepared_account
    from generator.environment import load_all, select
    from generator.terminal import working

    [configuration] = select(load_all(PARAMS), [name])
    validity = Validity(days, renew_before)
    if domain := configuration.environment.domain_name.literal:
        click.echo(f"{name}: nothing to do: ACM issues and renews the certificate of {domain}")
        return
    region = configuration.region
    refuse_unprepared_account(session.client("cloudformation", region), name)
    with working(f"looking at the certificate of {name}"), session.explained(f"the certificate of {name} in {region}"):
        acm, ssm = session.client("acm", region), session.client("ssm", region)
        found = ensure_certificate(acm, ssm, configuration, datetime.now(UTC), validity)
    for line in describe(found, name):
        click.echo(line)

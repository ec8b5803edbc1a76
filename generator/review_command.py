"""The command `review`: what a release would do to an environment, for who must approve. The pipeline calls it."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from generator.exit_codes import FAILED
from generator.folders import PARAMS

WAIVERS = PARAMS / "waivers.yaml"


@click.command(hidden=True)
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
    click.echo(found.summary)
    click.echo(found.report_url)
    if not found.acceptable:
        sys.exit(FAILED)

"""The review before production: the change set, seen through all nested stacks, and the impact, for who must approve.

The change set is made here because CodePipeline's own action leaves nested stacks out. It is made to be read: nobody
executes it, and it is deleted again; the next stage makes its own from the same artifact. What runs now is read from
the deployed stack and from the bucket where its release still lies, so that the comparison is with what is there and
not with what was meant.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.checks.environment_impact import EnvironmentImpact, impact_between
from generator.checks.waivers import Waiver
from generator.delivery.deploy import ChangeSet, create_change_set, find_deployed, template_text
from generator.delivery.session import explained
from generator.environment import TemplateConfiguration
from generator.errors import UserError
from generator.naming import PLATFORM, REVIEW, resource_address, root_stack_name, template_file
from generator.release import MANIFEST
from generator.reports.impact_markdown import escaped, to_markdown
from generator.reports.impact_words import counts
from generator.resolver import Resolution, resolve

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

REPORTS = "reviews"
"""The folder of the template bucket that keeps the reports."""

SUMMARY_LENGTH = 400
"""The approval's text has room for 1,000 characters; the summary is a part of it.
https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""


@dataclass(frozen=True)
class Subject:
    """What is reviewed: the build's artifact for one environment, on its way to an account."""

    artifact: Path
    """The folder that the build handed on: `release.json`, the root's template."""
    configuration: TemplateConfiguration
    account_id: str
    region: str
    role_arn: str
    """CloudFormation's service role in the environment's account."""
    execution_id: str

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.configuration.environment.environment_name.literal

    @property
    def stack_name(self) -> str:
        """The name of the environment's root stack."""
        return root_stack_name(self.environment)

    def parameters(self) -> dict[str, str]:
        """Return the parameters that the pipeline is going to give: the settings, and what the release says."""
        try:
            published: dict[str, str] = json.loads((self.artifact / "release.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{self.artifact / 'release.json'}: cannot be read: {error}; run make publish") from error
        return {**self.configuration.parameters(), **published}


@dataclass(frozen=True)
class Review:
    """What the reviewers get. `impact` is missing where nothing is deployed yet."""

    summary: str
    report_url: str
    impact: EnvironmentImpact | None

    @property
    def acceptable(self) -> bool:
        """Whether nothing is at stake that has not been waived."""
        return self.impact is None or not self.impact.fails


def review(
    cloudformation: CloudFormationClient,
    s3: S3Client,
    subject: Subject,
    waivers: Sequence[Waiver],
    today: date,
    workspace: Path,
) -> Review:
    """Make the change set, compare with what is deployed, and store the report in the release's bucket.

    `cloudformation` acts in the environment's account, `s3` in the tools account. Raises `UserError` where AWS refuses
    the change set, and where a release cannot be read.
    """
    parameters = subject.parameters()
    with explained(f"reviewing {subject.stack_name}"):
        deployed = _deployed_parameters(cloudformation, subject.stack_name)
        change_set = _change_set(cloudformation, subject, parameters)
        changes = list(_all_changes(cloudformation, "", change_set.changes))
        cloudformation.delete_change_set(ChangeSetName=change_set.id)
        new = _resolved(s3, subject, parameters, workspace / "new")
        impact = None
        if deployed is not None:
            old = _resolved(s3, subject, deployed, workspace / "old")
            names = [values["TemplateKeyPrefix"] for values in (deployed, parameters)]
            impact = impact_between(subject.environment, names[0], old, names[1], new, waivers, today)
        summary = _summary(subject, impact, new)
        report_url = _store(s3, subject, parameters["TemplateBucketName"], _report(subject, summary, changes, impact))
    return Review(summary, report_url, impact)


def as_variables(found: Review) -> str:
    """Return the shell's assignments of `SUMMARY` and `REPORT_URL`, which a build exports to the pipeline."""
    return "".join(
        f"export {name}={shlex.quote(value)}\n"
        for name, value in (("SUMMARY", found.summary), ("REPORT_URL", found.report_url))
    )


def _deployed_parameters(cloudformation: CloudFormationClient, stack_name: str) -> dict[str, str] | None:
    """Return the parameters of what is deployed; nothing before the first deployment."""
    stack = find_deployed(cloudformation, stack_name)
    if stack is None:
        return None
    return {given["ParameterKey"]: given.get("ParameterValue", "") for given in stack.get("Parameters", [])}


def _change_set(cloudformation: CloudFormationClient, subject: Subject, parameters: Mapping[str, str]) -> ChangeSet:
    name = subject.stack_name
    template = (subject.artifact / template_file(PLATFORM)).read_text(encoding="utf-8")
    change_set = create_change_set(
        cloudformation,
        name,
        name + REVIEW,
        template_text(template),
        parameters,
        subject.configuration.tags,
        subject.role_arn,
    )
    if not (change_set.can_be_executed or change_set.is_empty):
        raise UserError(f"CloudFormation refuses the change set of {name}: {change_set.reason}")
    return change_set


def _all_changes(
    cloudformation: CloudFormationClient, stack: str, changes: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each change with the path of its stack, those of nested stacks after their own."""
    for change in changes:
        resource = change["ResourceChange"]
        yield stack, resource
        if nested := resource.get("ChangeSetId"):
            path = resource_address(stack, resource["LogicalResourceId"])
            pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=nested)
            inner: list[Mapping[str, Any]] = [each for page in pages for each in page["Changes"]]
            yield from _all_changes(cloudformation, path, inner)


def _resolved(s3: S3Client, subject: Subject, parameters: Mapping[str, str], folder: Path) -> Resolution:
    """Return what the published templates become with these parameters."""
    bucket, prefix = parameters["TemplateBucketName"], parameters["TemplateKeyPrefix"]
    folder.mkdir(parents=True)
    manifest = s3.get_object(Bucket=bucket, Key=prefix + MANIFEST)["Body"].read()
    for name in json.loads(manifest)["templates"]:
        (folder / name).write_bytes(s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read())
    return resolve(folder, PLATFORM, parameters, subject.account_id, subject.region)


def _summary(subject: Subject, impact: EnvironmentImpact | None, new: Resolution) -> str:
    """Return one line for the approval's text."""
    if impact is None:
        return f"{subject.environment}: first deployment, {len(new.resources)} resources are created"
    counted = ", ".join(f"{number} {what}" for number, what in counts(impact.impact))
    changes = "nothing changes" if impact.impact.empty else counted
    at_stake = f"; NOT WAIVED: {', '.join(danger.address for danger in impact.unwaived)}" if impact.fails else ""
    return f"{subject.environment}: {changes}{at_stake}"[:SUMMARY_LENGTH]


def _report(
    subject: Subject, summary: str, changes: Sequence[tuple[str, Mapping[str, Any]]], impact: EnvironmentImpact | None
) -> str:
    """Return the report in Markdown: the impact, and CloudFormation's change set."""
    lines = [f"# {subject.stack_name}", "", summary, "", f"Pipeline execution `{subject.execution_id}`", ""]
    if impact is not None:
        lines += [to_markdown([impact]), ""]
    lines += [f"## Change set of `{subject.stack_name}`, nested stacks included", ""]
    lines += ["| stack | resource | type | action | replacement |", "|---|---|---|---|---|"]
    for stack, change in changes:
        cells = (
            stack or subject.stack_name,
            change["LogicalResourceId"],
            change["ResourceType"],
            change["Action"],
            change.get("Replacement", ""),
        )
        lines.append(f"| {' | '.join(escaped(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _store(s3: S3Client, subject: Subject, bucket: str, report: str) -> str:
    """Store the report and return the address under which the console shows it to who may read it."""
    key = f"{REPORTS}/{subject.execution_id}/{subject.environment}.md"
    s3.put_object(Bucket=bucket, Key=key, Body=report.encode(), ContentType="text/markdown; charset=utf-8")
    return f"https://{subject.region}.console.aws.amazon.com/s3/object/{bucket}?region={subject.region}&prefix={key}"

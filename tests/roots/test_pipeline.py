"""C4, D6, D7, D14, D15, D18, E3: the way of a release, who acts where, and that the definition is one that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.checks.quotas import BODY_IN_REQUEST
from generator.delivery import review
from generator.delivery.bootstrap import bootstrap_tools
from generator.environment import load_all
from generator.naming import PIPELINE_ROLE, account_parameter, pascal_case
from generator.rehearsal.accounts import deployed_pipeline
from generator.rehearsal.buildspec import parse
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.pipeline_definition import Pipeline
from generator.rendering import render
from generator.roots import pipeline_builds
from tests import claims, pipeline_claims
from tests.intrinsics import Templates, of_type, resolved
from tests.pipeline_claims import ACCOUNTS, REPOSITORY, SETTINGS, SOURCES, pipeline

STAGES = ["Source", "Build", "Dev", "Staging", "RegionalTest", "Review", "Prod"]
INLINE = ("SmokeTestProject", "RegionalTestProject", "ChangeReportProject", "ImagesProject")
"""The builds whose commands are part of the template."""

REGION = "eu-west-1"
CONFIGURATION_CHARACTERS = 1000  # https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
MOST_MINUTES = 86_400  # https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html


def overrides(templates: Templates) -> Iterator[tuple[str, str]]:
    """Yield each environment's stage and the parameters that it takes from the release, as CodePipeline gets them."""
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        for action in pipeline_claims.cloudformation_actions(stage):
            if "ParameterOverrides" in action["Configuration"]:
                yield stage["Name"], action["Configuration"]["ParameterOverrides"]


def buildspecs(templates: Templates) -> dict[str, str]:
    """Return the inline build specifications by project."""
    projects = of_type(templates["pipeline"], "AWS::CodeBuild::Project")
    sources = {name: project["Properties"]["Source"] for name, project in projects.items()}
    return {name: source["BuildSpec"] for name, source in sources.items() if "BuildSpec" in source}


# The way of a release


@pytest.mark.parametrize("source", SOURCES, ids=["repository", "bucket"])
def test_d14_release_takes_the_same_way_from_either_source(templates: Templates, source: str) -> None:
    assert [stage["Name"] for stage in pipeline(templates, source)["Stages"]] == STAGES
    assert pipeline(templates, source)["Stages"][1:] == pipeline(templates, REPOSITORY)["Stages"][1:]


def test_d14_executions_never_overtake_each_other(templates: Templates) -> None:
    pipeline_claims.check_executions_never_overtake_each_other(templates)


def test_d14_a_new_source_starts_the_pipeline(templates: Templates) -> None:
    pipeline_claims.check_a_new_source_starts_the_pipeline(templates)


def test_artifacts_come_from_earlier_actions(templates: Templates) -> None:
    pipeline_claims.check_artifacts_come_from_earlier_actions(templates)


def test_variables_come_from_earlier_actions(templates: Templates) -> None:
    pipeline_claims.check_variables_come_from_earlier_actions(templates)


def test_d6_each_stage_deploys_to_its_environments_account(templates: Templates) -> None:
    pipeline_claims.check_each_stage_deploys_to_its_environments_account(templates)


def test_d15_every_environment_gets_the_same_release(templates: Templates) -> None:
    pipeline_claims.check_every_environment_gets_the_same_release(templates)


def test_d18_production_waits_for_people_who_see_what_changes(templates: Templates) -> None:
    pipeline_claims.check_production_waits_for_people_who_see_what_changes(templates)


def test_d9_people_with_mfa_alone_approve_production(templates: Templates) -> None:
    pipeline_claims.check_people_with_mfa_alone_approve_production(templates)


def test_d18_people_have_a_week_and_not_forever(templates: Templates) -> None:
    [stage] = [stage for stage in pipeline(templates, REPOSITORY)["Stages"] if stage["Name"] == "Review"]
    [approval] = [action for action in stage["Actions"] if action["ActionTypeId"]["Category"] == "Approval"]
    assert 7 * 24 * 60 <= approval["TimeoutInMinutes"] <= MOST_MINUTES


def test_d7_a_stage_that_fails_is_undone(templates: Templates) -> None:
    pipeline_claims.check_a_stage_that_fails_is_undone(templates)


def test_d7_every_deployment_is_tested_from_outside(templates: Templates) -> None:
    pipeline_claims.check_every_deployment_is_tested_from_outside(templates)


def test_e3_regional_tests_run_where_they_are_asked_for(templates: Templates) -> None:
    pipeline_claims.check_regional_tests_run_where_they_are_asked_for(templates)


def test_d14_people_hear_of_failures_and_approvals(templates: Templates) -> None:
    pipeline_claims.check_people_hear_of_failures_and_approvals(templates)


@pytest.mark.parametrize(("address", "mails"), [("", 0), ("team@example.com", 1)])
def test_mail_goes_where_an_address_is_given(templates: Templates, address: str, mails: int) -> None:
    given = {**SETTINGS, "SourceRepository": REPOSITORY, "NotificationEmail": address}
    subscriptions = of_type({"Resources": resolved(templates["pipeline"], **given)}, "AWS::SNS::Subscription")
    assert [each["Properties"]["Endpoint"] for each in subscriptions.values()] == [address] * mails


# What the environments get


@pytest.mark.parametrize("index", range(len(ACCOUNTS)), ids=list(ACCOUNTS))
def test_c4_settings_and_release_together_give_every_parameter(
    templates: Templates, params_folder: Path, index: int
) -> None:
    """CodePipeline stops at a parameter that has no value, after the build and in the environment's account."""
    configuration = load_all(params_folder)[index]
    stage = pascal_case(configuration.environment.environment_name.literal)
    of_the_release = set(json.loads(dict(overrides(templates))[stage]))
    needed = {name for name, each in templates["platform"]["Parameters"].items() if "Default" not in each}
    assert needed <= configuration.parameters().keys() | of_the_release
    assert not configuration.parameters().keys() & of_the_release, "the release would silently win over the settings"


def test_configuration_fits_into_an_action(templates: Templates) -> None:
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        for action in stage["Actions"]:
            for key, value in action["Configuration"].items():
                assert len(str(value)) <= CONFIGURATION_CHARACTERS, (action["Name"], key)


def test_capabilities_are_those_that_the_platform_needs(templates: Templates) -> None:
    """IAM resources, some with names; a macro would need CAPABILITY_AUTO_EXPAND."""
    assert not [name for name, template in templates.items() if "Transform" in template]
    actions = [
        action
        for stage in pipeline(templates, REPOSITORY)["Stages"]
        for action in pipeline_claims.cloudformation_actions(stage)
        if action["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE"
    ]
    for action in actions:
        assert set(action["Configuration"]["Capabilities"].split(",")) == {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}


# The tools account


def test_d9_one_build_may_push_images_and_nothing_else(templates: Templates) -> None:
    pipeline_claims.check_one_build_may_push_images_and_nothing_else(templates)


def test_d15_images_are_built_before_the_release_that_names_them(templates: Templates) -> None:
    pipeline_claims.check_images_are_built_before_the_release_that_names_them(templates)


def test_d9_only_who_makes_something_writes_it(templates: Templates) -> None:
    pipeline_claims.check_only_who_makes_something_writes_it(templates)


def test_d9_each_role_acts_in_its_accounts_only(templates: Templates) -> None:
    pipeline_claims.check_each_role_of_the_tools_account_acts_in_its_accounts_only(templates)


def test_d9_services_take_roles_for_this_account_alone(templates: Templates) -> None:
    pipeline_claims.check_services_take_the_tools_accounts_roles_for_it_alone(templates)


def test_d10_builds_are_encrypted_and_logged(templates: Templates) -> None:
    pipeline_claims.check_builds_are_encrypted_and_logged(templates)


def test_d9_pipeline_starts_the_builds_that_its_actions_name_and_no_others(templates: Templates) -> None:
    named = {
        action["Configuration"]["ProjectName"]["Ref"]
        for stage in pipeline(templates, REPOSITORY)["Stages"]
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
    }
    rights = [statement for _, statement in claims.identity_statements(templates["pipeline"])]
    starting = [statement for statement in rights if "codebuild:StartBuild" in statement["Action"]]
    assert {resource["Fn::GetAtt"][0] for statement in starting for resource in statement["Resource"]} == named
    assert named == of_type(templates["pipeline"], "AWS::CodeBuild::Project").keys()


@pytest.mark.parametrize("source", SOURCES, ids=["repository", "bucket"])
def test_d9_pipeline_reads_one_source(templates: Templates, source: str) -> None:
    resources = resolved(templates["pipeline"], **SETTINGS, SourceRepository=source)
    policies = [policy["PolicyName"] for policy in resources["PipelineRole"]["Properties"]["Policies"]]
    assert policies == ["Pipeline", "Images", "Repository" if source else "SourceBucket"]
    assert ("Connection" in resources, "SourceUploaded" in resources) == (bool(source), not source)
    assert ("SourceBucket" in pipeline_claims.stores_with(templates, source)) == (not source)


def test_reports_are_kept_where_the_build_may_put_them() -> None:
    """The folder is known to the template and to the review, which know nothing of each other."""
    assert review.REPORTS == pipeline_builds.REPORTS


# The builds' commands


def test_builds_besides_the_first_bring_their_commands_along(templates: Templates) -> None:
    """A push that changed its own review, by a file, would be reviewed by nobody."""
    assert buildspecs(templates).keys() == {*INLINE}


@pytest.mark.parametrize("project", INLINE)
def test_inline_buildspec_is_one_that_the_rehearsal_executes(templates: Templates, project: str) -> None:
    found = parse(buildspecs(templates)[project], project)
    commands = [command for phase in found.phases for command in phase.commands]
    assert commands
    assert all("\n" not in command for command in commands), "one command a line, as the log shows them"
    runtimes = {runtime: version for phase in found.phases for runtime, version in phase.runtimes.items()}
    with_make = any(command.startswith("make ") for command in commands)
    assert runtimes == ({"python": "3.11"} if with_make else {}), "make sets up an environment of the Python it finds"
    assert bool(found.cache) == with_make


def test_builds_get_the_variables_that_their_commands_read(templates: Templates) -> None:
    read = {
        "SmokeTestProject": {"APPLICATION_URL"},
        "RegionalTestProject": {"TEST_ROLE_ARN"},
        "ChangeReportProject": {"REVIEW_ROLE_ARN", "CLOUDFORMATION_ROLE_ARN", "EXECUTION_ID"},
        "BuildProject": {"TEMPLATE_BUCKET", "CONTAINER_IMAGES"},
        "ImagesProject": {"BUILDX_NO_DEFAULT_ATTESTATIONS"},  # Docker reads it
    }
    given: dict[str, set[str]] = {name: set() for name in read}
    for name, project in of_type(templates["pipeline"], "AWS::CodeBuild::Project").items():
        given[name] |= {each["Name"] for each in project["Properties"]["Environment"].get("EnvironmentVariables", [])}
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        for action in stage["Actions"]:
            variables = json.loads(action["Configuration"].get("EnvironmentVariables", "[]"))
            for variable in variables:
                given[action["Configuration"]["ProjectName"]["Ref"]].add(variable["name"])
    assert given == read


# The template as a whole


def test_body_fits_into_a_request_with_room_to_spare(texts: dict[str, str]) -> None:
    """The bootstrap has no bucket yet to put it in."""
    for name in ("tools_account", "pipeline", "target_account"):
        assert len(texts[name].encode()) <= BODY_IN_REQUEST.gate, name


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates as they are now, in a folder of their own."""
    folder = tmp_path_factory.mktemp("release")
    for name, text in render().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def deployed(emulator: Emulator, release: Path, account_id: str, repository: str) -> tuple[Pipeline, Any]:
    """Bootstrap an account with one of the two sources; return the definition that a rehearsal reads, and outputs."""
    accounts = {account_parameter(name): number for name, number in ACCOUNTS.items()}
    parameters = {**accounts, "ContainerImages": "true", **({"SourceRepository": repository} if repository else {})}
    cloudformation = emulator.client("cloudformation", account_id, REGION)
    deployment = bootstrap_tools(cloudformation, release, parameters, lambda event: None)
    return deployed_pipeline(cloudformation, release, account_id, deployment), deployment.outputs


def test_d14_pipeline_of_a_repository_is_deployed_and_read(emulator: Emulator, release: Path) -> None:
    found, outputs = deployed(emulator, release, "410000000001", REPOSITORY)
    [source] = found.stages[0].actions
    assert source.kind == ("Source", "AWS", "CodeStarSourceConnection")
    assert source.configuration["FullRepositoryId"] == REPOSITORY
    assert source.configuration["ConnectionArn"] == outputs["ConnectionArn"]
    assert source.configuration["DetectChanges"] == "false", "the trigger starts it, once"
    assert outputs["SourceBucketName"] == "none"


def test_d14_pipeline_of_a_bucket_is_deployed_and_read(emulator: Emulator, release: Path) -> None:
    found, outputs = deployed(emulator, release, "410000000002", "")
    [source] = found.stages[0].actions
    assert source.kind == ("Source", "AWS", "S3")
    assert source.configuration["S3Bucket"] == outputs["SourceBucketName"]
    assert found.artifact_bucket == outputs["ArtifactBucketName"]
    assert outputs["ConnectionArn"] == "none"
    s3 = emulator.client("s3", "410000000002", REGION)
    assert s3.get_bucket_versioning(Bucket=outputs["SourceBucketName"])["Status"] == "Enabled"


def test_both_pipelines_have_their_role_and_start_projects_that_exist(emulator: Emulator, release: Path) -> None:
    for number, repository in enumerate(SOURCES, start=3):
        account_id = f"41000000000{number}"
        found, outputs = deployed(emulator, release, account_id, repository)
        assert [stage.name for stage in found.stages] == STAGES
        assert outputs["PipelineRoleArn"].endswith(f":{account_id}:role/{PIPELINE_ROLE}")
        iam = emulator.client("iam", account_id, REGION)
        assert outputs["PipelineRoleArn"] in {role["Arn"] for role in iam.list_roles()["Roles"]}
        started = {
            action.configuration["ProjectName"]
            for stage in found.stages
            for action in stage.actions
            if action.kind[2] == "CodeBuild"
        }
        assert started == found.projects.keys()

"""Images from the pipeline's action to the roles that pull them: built once, and changed by nobody afterwards (D15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from roles import EVERYTHING, make_role

from generator.delivery.bootstrap import bootstrap_tools
from generator.delivery.images import Image, find_image, needed, pinned
from generator.environment import ENVIRONMENTS
from generator.naming import APPLICATION_REPOSITORY, PROJECT, TOOLS, account_parameter
from generator.rehearsal.accounts import TOOLS_ACCOUNT_ID, Accounts, deployed_pipeline
from generator.rehearsal.docker_stand_in import install
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import Session, assumed_by_service
from generator.rehearsal.pipeline import Engine, Execution
from generator.rehearsal.pipeline_actions import CODEBUILD, Approval, Surroundings, providers
from generator.rehearsal.pipeline_artifacts import pack
from generator.rehearsal.report import Narrator
from generator.rehearsal.workload import APPLICATION_PYTHON
from generator.rendering import render
from generator.source_files import source_files

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"


@dataclass
class ToolsAccount:
    """The bootstrapped tools account, and its pipeline as far as the images."""

    accounts: Accounts
    engine: Engine
    surroundings: Surroundings
    source_bucket: str

    @property
    def ecr(self) -> Any:
        """ECR as an administrator of the account."""
        return self.accounts.client("ecr", TOOLS)

    def build_images(self) -> Execution:
        """Upload the source, and let the pipeline do what it does up to the images."""
        content = pack(ROOT, source_files(ROOT))
        self.accounts.client("s3", TOOLS).put_object(Bucket=self.source_bucket, Key="source.zip", Body=content)
        return self.engine.start(providers(self.surroundings), {}, "Build")

    def of_build(self, of: str) -> Session:
        """Return a session of the role of the build whose project's id contains a name."""
        [project] = [each for name, each in self.engine.pipeline.projects.items() if f"-{of}Project" in name]
        return self._session(project.role_arn)

    def of_role(self, name: str, role: str) -> Session:
        """Return a session of a role with all rights, as far as its own policies go, in the account of a name."""
        iam = self.accounts.client("iam", name)
        return self._session(make_role(iam, role, {"Service": CODEBUILD}, EVERYTHING))

    def _session(self, role_arn: str) -> Session:
        source = f"arn:aws:codebuild:{REGION}:{role_arn.split(':')[4]}:project/trial"
        return assumed_by_service(self.accounts.emulator, role_arn, REGION, CODEBUILD, source, "trial")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolsAccount]:
    release, workspace = (tmp_path_factory.mktemp(name) for name in ("release", "workspace"))
    for name, text in render().items():
        (release / name).write_text(text, encoding="utf-8")
    with Emulator() as emulator:
        accounts = Accounts(emulator, REGION)
        given = {account_parameter(name): accounts.id_of(name) for name in ENVIRONMENTS} | {"ContainerImages": "true"}
        cloudformation = accounts.client("cloudformation", TOOLS)
        deployed = bootstrap_tools(cloudformation, release, given, lambda event: None)
        pipeline = deployed_pipeline(cloudformation, release, TOOLS_ACCOUNT_ID, deployed)
        source, build, *_ = pipeline.stages
        images = tuple(action for action in build.actions if action.name == "Images")
        as_far = replace(pipeline, stages=(source, replace(build, actions=images, on_failure="")))
        surroundings = Surroundings(
            emulator=emulator,
            account_id=TOOLS_ACCOUNT_ID,
            region=REGION,
            source=ROOT,
            workspace=workspace,
            build_environment={"AWS_ENDPOINT_URL": emulator.endpoint_url, "AWS_DEFAULT_REGION": REGION},
            approve=lambda job: Approval(approved=True),
            approver_role_arn="",  # nobody is asked
            on_event=lambda event: None,
            on_line=lambda line: None,
            on_deployment=lambda job, deployment: None,
            programs=install(workspace, ROOT / APPLICATION_PYTHON).parent,
        )
        engine = Engine(as_far, Narrator(Console(file=StringIO())))
        yield ToolsAccount(accounts, engine, surroundings, deployed.outputs["SourceBucketName"])


@pytest.fixture(scope="module")
def built(tools: ToolsAccount) -> tuple[Image, ...]:
    """The images that the pipeline's action has built and pushed."""
    execution = tools.build_images()
    assert execution.succeeded, [run.reason for run in execution.runs]
    return needed(ROOT / "application")


def refused(action: str) -> Any:
    return pytest.raises(ClientError, match=f"not authorized to perform: {action}")


def put_image(session: Session, tag: str) -> None:
    session.client("ecr").put_image(
        registryId=TOOLS_ACCOUNT_ID,
        repositoryName=APPLICATION_REPOSITORY,
        imageTag=tag,
        imageManifest='{"schemaVersion": 2}',
    )


def pull(session: Session, image: Image) -> str:
    """Ask for an image as Docker and Fargate do, up to the address of its configuration; return that."""
    ecr, where = session.client("ecr"), {"registryId": TOOLS_ACCOUNT_ID, "repositoryName": image.repository}
    ecr.get_authorization_token()
    [found] = ecr.batch_get_image(**where, imageIds=[{"imageTag": image.tag}])["images"]
    blob = json.loads(found["imageManifest"])["config"]["digest"]
    return str(ecr.get_download_url_for_layer(**where, layerDigest=blob)["downloadUrl"])


def test_the_pipeline_builds_images_and_a_release_can_name_them(tools: ToolsAccount, built: tuple[Image, ...]) -> None:
    named = pinned(tools.of_build("Build").client("ecr"), built)
    registry = f"{TOOLS_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
    assert all(value.startswith(f"{registry}/{PROJECT}/") for value in named.values())
    assert len({value.partition("@")[2] for value in named.values()}) == len(built)


def test_images_are_not_built_again_from_the_same_source(tools: ToolsAccount, built: tuple[Image, ...]) -> None:
    before = [find_image(tools.ecr, image) for image in built]
    assert tools.build_images().succeeded
    assert [find_image(tools.ecr, image) for image in built] == before


@pytest.mark.parametrize("where", [TOOLS, "dev"])
def test_nobody_but_the_build_of_images_pushes(tools: ToolsAccount, built: tuple[Image, ...], where: str) -> None:
    with refused("ecr:PutImage"):
        put_image(tools.of_role(where, f"{PROJECT}-trial"), "trial")


def test_the_build_of_the_release_pushes_nothing(tools: ToolsAccount, built: tuple[Image, ...]) -> None:
    with refused("ecr:PutImage"):
        put_image(tools.of_build("Build"), "trial")


def test_a_tag_stays_with_its_image(tools: ToolsAccount, built: tuple[Image, ...]) -> None:
    application, _ = built
    with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
        put_image(tools.of_build("Images"), application.tag)


def test_nobody_takes_an_image_away(tools: ToolsAccount, built: tuple[Image, ...]) -> None:
    application, _ = built
    for session in (tools.of_build("Images"), tools.of_role(TOOLS, f"{PROJECT}-trial")):
        with refused("ecr:BatchDeleteImage"):
            session.client("ecr").batch_delete_image(
                repositoryName=application.repository, imageIds=[{"imageTag": application.tag}]
            )
    assert find_image(tools.ecr, application)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_roles_of_an_environments_stacks_pull(tools: ToolsAccount, built: tuple[Image, ...], name: str) -> None:
    """By whatever name CloudFormation gave them: it begins with the stack's."""
    session = tools.of_role(name, f"{PROJECT}-{name}-Containers-1ABC-ExecutionRole-2DEF")
    assert all(pull(session, image) for image in built)


def test_others_in_an_environments_account_pull_nothing(tools: ToolsAccount, built: tuple[Image, ...]) -> None:
    session = tools.of_role("dev", "another-team")
    for image in built:
        with refused("ecr:BatchGetImage"):
            pull(session, image)

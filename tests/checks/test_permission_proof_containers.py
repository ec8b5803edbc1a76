"""The permission proof bites for containers: each claim about images, tasks and ECS fails once a template is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.checks.environment_impact import PLACEHOLDERS
from generator.checks.permissions.worlds import TOOLS_ACCOUNT
from tests.permissions import (
    Mutation,
    Templates,
    add,
    assert_noticed,
    named,
    no_statement,
    properties,
    put,
    without,
)

START = "containers/StartTasks/PolicyDocument"
SHIFT = "containers/ShiftTraffic/PolicyDocument"
TASKS = "storage/TasksUseStorage/PolicyDocument"
OPERATE = "access/OperatorRole/Policies/1/PolicyDocument"
REPOSITORY = "tools_account/ApplicationRepository/RepositoryPolicyText"
WORKLOAD = "boundaries/WorkloadBoundary/PolicyDocument"
TRUST_OF_TASKS = "security/TaskRole/AssumeRolePolicyDocument"

SAME = "The application may do the same in containers as on web servers, but for what only a machine does"
APPLICATION = "The application in containers reaches what it reaches on web servers, and nothing else"
STARTS = "What starts a task reads that task's image, secret and configuration, and writes its log"
BY_DIGEST = "Every container starts from an image in a repository of the tools account, named by its digest"
IMAGES = "Images come from the tools account's two repositories alone, and the build of images alone puts any there"
MOVES = "ECS moves requests between the containers' two target groups alone, and nobody else but CloudFormation does"
DEPLOYMENTS = "Only a deployment says what runs in containers, and nobody enters a task"
PASS = "Nobody but CloudFormation hands a role to a service, and CloudFormation none that is not the platform's"
NEEDS = "Containers can start, do what the application does, and be replaced"
LAYERS = "Packages of Amazon Linux and layers of images pass the endpoint for S3"
OPERATORS = "Operators can follow, test, continue and undo a deployment of containers"
PROMOTION = "The pipeline and its builds can promote a release"
TRUST = "Every trust policy names whom it lets in: a service for this account, one role, people with MFA, one workflow"
OPEN = "No key, bucket, topic or repository lets everybody in, or allows actions by a wildcard"


def roles_for_any_service(templates: Templates) -> None:
    for policy in templates["deployment_policies"]["Resources"].values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "PassRolesToEcsTasks":
                del statement["Condition"]


def operators_enter_tasks(templates: Templates) -> None:
    add(OPERATE, Action=["ecs:ExecuteCommand"], Resource=["*"])(templates)
    add(WORKLOAD, Action=["ecs:ExecuteCommand"], Resource=["*"])(templates)


def tasks_move_requests(templates: Templates) -> None:
    rights = named(templates, SHIFT, "SetWeights")
    properties(templates, "containers/TasksWriteTraces/PolicyDocument")["Statement"].append(
        {**rights, "Sid": "TooMuch"}
    )


def secrets_of_data_deleted(templates: Templates) -> None:
    no_statement("deployment_policies/GuardPolicy/PolicyDocument", "SecretsThatDataNeeds")(templates)
    put("deployment_policies_services/DataPolicy/PolicyDocument", "SecretsMadeAnew", "Resource", ["*"])(templates)


def another_account(templates: Templates) -> None:
    """Take images from whatever account; what is left of the boundary does not tell accounts apart."""
    anywhere: list[Any] = ["arn:aws:ecr:*:*:repository/*"]
    put(START, "PullImages", "Resource", anywhere)(templates)


MUTATIONS = (
    Mutation(
        "a container of anybody's image",
        lambda templates: properties(templates, "containers/TaskDefinition/ContainerDefinitions/0").update(
            Image="public.ecr.aws/nginx/nginx:latest"
        ),
        BY_DIGEST,
        ["Containers/TaskDefinition, container application: starts from public.ecr.aws/nginx/nginx:latest"],
    ),
    Mutation(
        "a container of a tag",
        lambda templates: properties(templates, "containers/TaskDefinition/ContainerDefinitions/0").update(
            Image=f"{TOOLS_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web-platform/application:1"
        ),
        BY_DIGEST,
        ["container application: starts from", "web-platform/application:1"],
    ),
    Mutation(
        "images of any account",
        another_account,
        IMAGES,
        ["Containers/ExecutionRole: ecr:BatchGetImage", "777788889999:repository/web-platform/application"],
    ),
    Mutation(
        "the boundary of machines allows any image",
        put(WORKLOAD, "ImagesOfThePlatform", "Resource", ["*"]),
        IMAGES,
        ["a workload with every right: ecr:BatchGetImage", "777788889999:repository/billing"],
    ),
    Mutation(
        "the build of releases pushes images",
        lambda templates: (
            add(
                "pipeline/BuildRole/Policies/0/PolicyDocument", Action=["ecr:PutImage"], Resource=["arn:aws:ecr:*:*:*"]
            )(templates),
            no_statement(REPOSITORY, "PushByTheBuildOfImagesAlone")(templates),
        )[-1],
        IMAGES,
        ["pipeline/BuildRole: ecr:PutImage", "repository/web-platform/application"],
    ),
    Mutation(
        "administrators of the tools account push images",
        no_statement(REPOSITORY, "PushByTheBuildOfImagesAlone"),
        IMAGES,
        ["administrator of tools: ecr:PutImage", "repository/web-platform/application"],
    ),
    Mutation(
        "images are taken away",
        no_statement(REPOSITORY, "NobodyTakesAnImageAway"),
        IMAGES,
        ["administrator of tools: ecr:BatchDeleteImage", "repository/web-platform/application"],
    ),
    Mutation(
        "everybody pulls images",
        put(REPOSITORY, "PullByEnvironments", "Principal", "*"),
        OPEN,
        ["tools_account/ApplicationRepository: statement PullByEnvironments: lets everybody in"],
    ),
    Mutation(
        "tasks start with any secret",
        put(START, "ReadSecret", "Resource", ["*"]),
        STARTS,
        ["Containers/ExecutionRole: secretsmanager:GetSecretValue", "TestSecret"],
    ),
    Mutation(
        "tasks start with any parameter",
        put(START, "ReadConfiguration", "Resource", ["*"]),
        STARTS,
        ["Containers/ExecutionRole: ssm:GetParameters", "parameter/web-platform/dev/database/endpoint"],
    ),
    Mutation(
        "operators decrypt any secret",
        without(OPERATE, "DecryptThatSecret", "Condition"),
        DEPLOYMENTS,
        ["Access/OperatorRole: kms:Decrypt", "ApplicationSecret"],
    ),
    Mutation(
        "operators read another environment's secret",
        without(OPERATE, "AskANewVersion", "Condition"),
        DEPLOYMENTS,
        ["Access/OperatorRole: secretsmanager:GetSecretValue", "web-platform-other-test-secret"],
    ),
    Mutation(
        "operators deploy",
        lambda templates: (
            add(OPERATE, Action=["ecs:UpdateService"], Resource=["*"])(templates),
            add(WORKLOAD, Action=["ecs:UpdateService"], Resource=["*"])(templates),
        )[-1],
        DEPLOYMENTS,
        ["Access/OperatorRole: ecs:UpdateService", "service/web-platform-dev-"],
    ),
    Mutation(
        "operators enter tasks",
        operators_enter_tasks,
        DEPLOYMENTS,
        ["Access/OperatorRole: ecs:ExecuteCommand", "task/web-platform-dev-"],
    ),
    Mutation(
        "operators stop another environment's deployment",
        put(OPERATE, "ContinueOrRollBack", "Resource", ["*"]),
        DEPLOYMENTS,
        ["Access/OperatorRole: ecs:StopServiceDeployment", "service-deployment/billing/"],
    ),
    Mutation(
        "deployments run tasks by themselves",
        add("deployment_policies/ComputePolicy/PolicyDocument", Action=["ecs:RunTask"], Resource=["*"]),
        DEPLOYMENTS,
        ["target_account/CloudFormationRole: ecs:RunTask", "task-definition/web-platform-dev"],
    ),
    Mutation(
        "deployments delete the secrets of data",
        secrets_of_data_deleted,
        "Nobody but CloudFormation takes the origin's secret out of Secrets Manager, or changes it there",
        ["target_account/CloudFormationRole: secretsmanager:DeleteSecret", "OriginSecret"],
    ),
    Mutation(
        "ECS changes the rule of the web servers",
        put(SHIFT, "SetWeights", "Resource", ["*"]),
        MOVES,
        ["Containers/DeploymentRole: elasticloadbalancing:ModifyRule", "listener-rule/app/"],
    ),
    Mutation(
        "ECS registers with any target group",
        put(SHIFT, "RegisterTasks", "Resource", ["*"]),
        MOVES,
        ["Containers/DeploymentRole: elasticloadbalancing:RegisterTargets", "targetgroup/billing"],
    ),
    Mutation(
        "ECS changes the listener",
        lambda templates: (
            add(SHIFT, Action=["elasticloadbalancing:ModifyListener"], Resource=["*"])(templates),
            add(WORKLOAD, Action=["elasticloadbalancing:ModifyListener"], Resource=["*"])(templates),
        )[-1],
        MOVES,
        ["Containers/DeploymentRole: elasticloadbalancing:ModifyListener", "listener/app/"],
    ),
    Mutation("tasks move requests", tasks_move_requests, MOVES, ["Security/TaskRole: elasticloadbalancing:ModifyRule"]),
    Mutation(
        "containers fetch archives",
        add(TASKS, Action=["s3:GetObject"], Resource=["*"]),
        APPLICATION,
        ["Security/TaskRole: s3:GetObject", "releasebucket", "statement TooMuch"],
    ),
    Mutation(
        "containers scan the sessions",
        add(TASKS, Action=["dynamodb:Scan"], Resource=["*"]),
        SAME,
        ["Security/TaskRole: dynamodb:Scan on *, which Security/WebServerRole has not"],
    ),
    Mutation(
        "containers cannot keep sessions",
        no_statement(TASKS, "UseSessions"),
        SAME,
        ["Security/TaskRole: not dynamodb:PutItem on arn:aws:dynamodb:", "which Security/WebServerRole has"],
    ),
    Mutation(
        "tasks of any account",
        without(TRUST_OF_TASKS, "Tasks", "Condition"),
        APPLICATION,
        ["ecs-tasks.amazonaws.com: sts:AssumeRole", "777788889999"],
    ),
    Mutation(
        "tasks of any account, by the document",
        without(TRUST_OF_TASKS, "Tasks", "Condition"),
        TRUST,
        ["Security/TaskRole: trust statement Tasks: ecs-tasks.amazonaws.com for any account"],
    ),
    Mutation(
        "the roles of tasks for any service",
        roles_for_any_service,
        PASS,
        ["target_account/CloudFormationRole: iam:PassRole", "TaskRole", "lambda.amazonaws.com"],
    ),
    Mutation(
        "tasks cannot pull",
        no_statement(WORKLOAD, "ImagesOfThePlatform"),
        NEEDS,
        ["Containers/ExecutionRole: ecr:BatchGetImage", "the boundary does not allow it"],
    ),
    Mutation(
        "the tools account gives no image away",
        no_statement(REPOSITORY, "PullByEnvironments"),
        NEEDS,
        ["Containers/ExecutionRole: ecr:BatchGetImage", "refused"],
    ),
    Mutation(
        "ECS cannot move requests",
        no_statement(SHIFT, "SetWeights"),
        NEEDS,
        ["Containers/DeploymentRole: elasticloadbalancing:ModifyRule", "refused"],
    ),
    Mutation(
        "layers of images do not pass",
        no_statement("network/S3Endpoint/PolicyDocument", "LayersOfImages"),
        LAYERS,
        ["anybody: s3:GetObject", "prod-eu-west-1-starport-layer-bucket"],
    ),
    Mutation(
        "operators cannot go back",
        no_statement(OPERATE, "ContinueOrRollBack"),
        OPERATORS,
        ["Access/OperatorRole: ecs:StopServiceDeployment", "refused"],
    ),
    Mutation(
        "the build of images cannot push",
        no_statement("pipeline/ImagesRole/Policies/0/PolicyDocument", "PushImages"),
        PROMOTION,
        ["pipeline/ImagesRole: ecr:PutImage", "refused"],
    ),
)


@pytest.mark.parametrize("mutation", [pytest.param(each, id=each.name) for each in MUTATIONS])
def test_each_broken_template_is_noticed_by_the_right_claim(mutation: Mutation, tmp_path: Path) -> None:
    assert_noticed(mutation, tmp_path)


def test_the_settings_images_are_those_of_the_tools_account() -> None:
    """Otherwise nobody could pull them in the proof, and it would say so for a reason of its own."""
    for name in ("ApplicationImage", "CollectorImage"):
        assert PLACEHOLDERS[name].startswith(f"{TOOLS_ACCOUNT}.dkr.ecr.")

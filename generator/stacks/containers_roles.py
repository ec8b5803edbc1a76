"""What ECS may do for the containers: start their tasks, and shift their visitors. Part of the stack `containers`.

What the application itself may do is the tasks' role, which the stack `security` has, and to which others attach the
use of what they own.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-ecs-iam-role-overview.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import awacs.ecr
import awacs.elasticloadbalancing
import awacs.kms
import awacs.logs
import awacs.secretsmanager
import awacs.ssm
import awacs.sts
import awacs.xray
from awacs.aws import ArnLike, Condition, StringEquals
from troposphere import GetAtt, Ref, Select, Split, Sub, Template
from troposphere.iam import PolicyType, Role
from troposphere.logs import LogGroup
from troposphere.secretsmanager import Secret

from generator.iam import allow, allow_principal, arn, attach, document, service_principal, workload_boundary
from generator.naming import APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY, name_tag
from generator.parameter_types import ImageUri, RoleName
from generator.stacks.containers_collector import configuration_arn

if TYPE_CHECKING:
    from generator.stacks.containers import Parameters
    from generator.stacks.containers_rules import Routes


@dataclass(frozen=True)
class ActingRole:
    """A role by which ECS acts, and the policy that it needs before it is first used."""

    role: Role
    policy: PolicyType


def add_execution_role(
    template: Template, parameters: Parameters, secret: Secret, logs: LogGroup, sidecar_logs: LogGroup
) -> ActingRole:
    """Add the role by which ECS starts a task: images, secrets and logs of this environment, and no others."""
    tasks = arn("ecs:${AWS::Region}:${AWS::AccountId}:*")
    of_our_tasks = Condition(
        [StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}), ArnLike({"aws:SourceArn": tasks})]
    )
    role = template.add_resource(
        Role(
            "ExecutionRole",
            Description="Lets ECS start tasks.",
            AssumeRolePolicyDocument=document(
                allow_principal("Tasks", service_principal("ecs-tasks"), [awacs.sts.AssumeRole], condition=of_our_tasks)
            ),
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("execution-role"),
        )
    )
    pull = [awacs.ecr.BatchCheckLayerAvailability, awacs.ecr.BatchGetImage, awacs.ecr.GetDownloadUrlForLayer]
    images = [
        _repository(parameters.application_image, APPLICATION_REPOSITORY),
        _repository(parameters.collector_image, COLLECTOR_REPOSITORY),
    ]
    # One build pushes both images, to one registry.
    where_they_are = StringEquals({"aws:RequestedRegion": _registry(parameters.application_image)[1]})
    write = [awacs.logs.CreateLogStream, awacs.logs.PutLogEvents]
    through_secrets_manager = StringEquals({"kms:ViaService": Sub("secretsmanager.${AWS::Region}.amazonaws.com")})
    policy = template.add_resource(
        attach(
            "StartTasks",
            RoleName(Ref(role)),
            # A login is good for a region's registries; what it opens, the next statement says.
            allow("LogInToTheRegistry", [awacs.ecr.GetAuthorizationToken], ["*"], Condition(where_they_are)),
            allow("PullImages", pull, images),
            allow("WriteLogs", write, [GetAtt(logs, "Arn"), GetAtt(sidecar_logs, "Arn")]),
            allow("ReadSecret", [awacs.secretsmanager.GetSecretValue], [Ref(secret)]),
            allow("DecryptSecret", [awacs.kms.Decrypt], [parameters.data_key_arn], Condition(through_secrets_manager)),
            allow("ReadConfiguration", [awacs.ssm.GetParameters], [configuration_arn()]),
        )
    )
    return ActingRole(role, policy)


def add_deployment_role(template: Template, routes: Routes) -> ActingRole:
    """Add the role by which ECS shifts visitors: two target groups and two rules, where AWS's own policy has them all.

    AWS documents no condition on who asks ECS to assume it, other than that it must be handed over in this account.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
    """
    role = template.add_resource(
        Role(
            "DeploymentRole",
            Description="Lets ECS move requests from one version of the containers to the next.",
            AssumeRolePolicyDocument=document(
                allow_principal("Deployments", service_principal("ecs"), [awacs.sts.AssumeRole])
            ),
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("deployment-role"),
        )
    )
    see = [
        awacs.elasticloadbalancing.Action(f"Describe{what}")
        for what in ("Listeners", "Rules", "TargetGroups", "TargetHealth")
    ]
    register = [awacs.elasticloadbalancing.DeregisterTargets, awacs.elasticloadbalancing.RegisterTargets]
    policy = template.add_resource(
        attach(
            "ShiftTraffic",
            RoleName(Ref(role)),
            # IAM limits descriptions to no resource.
            allow("SeeWhatIsThere", see, ["*"]),
            allow("RegisterTasks", register, [Ref(routes.blue), Ref(routes.green)]),
            allow("SetWeights", [awacs.elasticloadbalancing.ModifyRule], [Ref(routes.production), Ref(routes.test)]),
        )
    )
    return ActingRole(role, policy)


def grant_traces(template: Template, parameters: Parameters) -> PolicyType:
    """Let the collector, which has the tasks' role, hand traces to X-Ray (D11). Traces have no ARN."""
    write = [awacs.xray.PutTelemetryRecords, awacs.xray.PutTraceSegments]
    return template.add_resource(
        attach("TasksWriteTraces", parameters.task_role_name, allow("WriteTraces", write, ["*"]))
    )


def _repository(image: ImageUri, name: str) -> Sub:
    """Return the ARN of an image's repository, of a URI `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@DIGEST`."""
    account, region = _registry(image)
    return arn(f"ecr:${{Region}}:${{Account}}:repository/{name}", Region=region, Account=account)


def _registry(image: ImageUri) -> tuple[Select, Select]:
    """Return account and region of the registry that an image is in."""
    parts = Split(".", image)
    return Select(0, parts), Select(3, parts)

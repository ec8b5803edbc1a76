"""The service: how many tasks run where, and how a new version takes the place of the old one. Part of `containers`.

Stages of a deployment (D15): tasks of the new version start beside the old ones; once they are healthy, requests of
`TestContainers` go to them; where asked for, ECS waits for somebody to approve; all requests move, at once or a tenth
first; the old version stays while the deployment is watched, and ends. Tasks that do not become healthy, an alarm, or
nobody's approval in time give everything back to the old version.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from troposphere import AWSObject, FindInMap, GetAtt, If, Ref, Template
from troposphere.cloudwatch import Alarm
from troposphere.ecs import (
    AdvancedConfiguration,
    AwsvpcConfiguration,
    CanaryConfiguration,
    CapacityProviderStrategyItem,
    Cluster,
    DeploymentAlarms,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    DeploymentController,
    DeploymentLifecycleHook,
    HookTimeoutConfig,
    LoadBalancer,
    NetworkConfiguration,
    Service,
    ServiceConnectClientAlias,
    ServiceConnectConfiguration,
    ServiceConnectService,
    TaskDefinition,
)
from troposphere.logs import LogGroup
from troposphere.servicediscovery import PrivateDnsNamespace

from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import only_if
from generator.stacks.containers_confinement import logged_to
from generator.stacks.containers_roles import ActingRole
from generator.stacks.containers_rules import Routes, container_port
from generator.stacks.containers_task import APPLICATION

if TYPE_CHECKING:
    from generator.stacks.containers import Parameters

SHIFTS_BY_CANARY, WAITS_FOR_APPROVAL = "ShiftsByCanary", "WaitsForApproval"
"""The conditions of the template that a tenth of the requests moves first, and that somebody approves before."""

CANARY_PERCENT, CANARY_MINUTES = 10, 5

# A service starts when its tasks become healthy; until then the load balancer's opinion does not count.
HEALTH_CHECK_GRACE_SECONDS = 120

SPOT_WEIGHTS = {
    "0": {"Fargate": "1", "Spot": "0"},
    "50": {"Fargate": "1", "Spot": "1"},
    "75": {"Fargate": "1", "Spot": "3"},
}
"""How tasks beyond the first are spread, by the percentage on spare capacity."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What a service consists of, and what it has to wait for."""

    cluster: Cluster
    namespace: PrivateDnsNamespace
    task: TaskDefinition
    routes: Routes
    role: ActingRole
    alarms: Sequence[Alarm]
    sidecar_logs: LogGroup
    waits_for: Sequence[AWSObject]


def add_service(template: Template, parameters: Parameters, deployed: Deployed) -> Service:
    """Add the service. It begins with one task, which scaling raises to the minimum at once: an update that named a
    number would undo what scaling did.
    """
    template.add_mapping("SpotShares", SPOT_WEIGHTS)
    # Roles have their rights before the first task starts, and keep them until the last one has ended.
    waits_for = [deployed.role.policy, *deployed.waits_for]
    return template.add_resource(
        Service(
            "Service",
            Cluster=Ref(deployed.cluster),
            TaskDefinition=Ref(deployed.task),
            CapacityProviderStrategy=_capacity(parameters),
            PlatformVersion="LATEST",
            DeploymentController=DeploymentController(Type="ECS"),
            DeploymentConfiguration=_deployment(parameters, deployed.alarms),
            AvailabilityZoneRebalancing="ENABLED",
            HealthCheckGracePeriodSeconds=HEALTH_CHECK_GRACE_SECONDS,
            LoadBalancers=[_behind_the_load_balancer(deployed)],
            NetworkConfiguration=NetworkConfiguration(
                AwsvpcConfiguration=AwsvpcConfiguration(
                    AssignPublicIp="DISABLED",
                    SecurityGroups=[parameters.containers_group_id],
                    Subnets=parameters.private_subnet_ids,
                )
            ),
            ServiceConnectConfiguration=_service_connect(deployed),
            EnableExecuteCommand=False,
            EnableECSManagedTags=True,
            PropagateTags="SERVICE",
            Tags=name_tag("containers"),
            DependsOn=[resource.title for resource in waits_for],
        ).no_validation()
    )


def _capacity(parameters: Parameters) -> list[CapacityProviderStrategyItem]:
    """Return where tasks run: the first one never on capacity that AWS may take back within two minutes."""

    def weight(provider: str) -> FindInMap:
        return FindInMap("SpotShares", parameters.fargate_spot_share, provider)

    return [
        CapacityProviderStrategyItem(CapacityProvider="FARGATE", Base=1, Weight=weight("Fargate")),
        CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Base=0, Weight=weight("Spot")),
    ]


def _deployment(parameters: Parameters, alarms: Sequence[Alarm]) -> DeploymentConfiguration:
    first = CanaryConfiguration(CanaryPercent=CANARY_PERCENT, CanaryBakeTimeInMinutes=CANARY_MINUTES)
    approval = DeploymentLifecycleHook(
        TargetType="PAUSE",
        LifecycleStages=["POST_TEST_TRAFFIC_SHIFT"],
        TimeoutConfiguration=HookTimeoutConfig(TimeoutInMinutes=parameters.container_test_minutes, Action="ROLLBACK"),
    )
    return DeploymentConfiguration(
        Strategy=If(SHIFTS_BY_CANARY, "CANARY", "BLUE_GREEN"),
        CanaryConfiguration=only_if(SHIFTS_BY_CANARY, first),
        BakeTimeInMinutes=parameters.container_bake_minutes,
        # An empty list takes a hook away; ECS keeps what is not said.
        LifecycleHooks=If(WAITS_FOR_APPROVAL, [approval], []),
        DeploymentCircuitBreaker=DeploymentCircuitBreaker(Enable=True, Rollback=True),
        Alarms=DeploymentAlarms(AlarmNames=[Ref(alarm) for alarm in alarms], Enable=True, Rollback=True),
        MinimumHealthyPercent=100,
        MaximumPercent=200,
    )


def _behind_the_load_balancer(deployed: Deployed) -> LoadBalancer:
    routes = deployed.routes
    return LoadBalancer(
        ContainerName=APPLICATION,
        ContainerPort=container_port(),
        TargetGroupArn=Ref(routes.blue),
        AdvancedConfiguration=AdvancedConfiguration(
            AlternateTargetGroupArn=Ref(routes.green),
            ProductionListenerRule=Ref(routes.production),
            TestListenerRule=Ref(routes.test),
            RoleArn=GetAtt(deployed.role.role, "Arn"),
        ),
    )


def _service_connect(deployed: Deployed) -> ServiceConnectConfiguration:
    """Return by which name and port other services of the namespace find this one (D5).

    The proxies pass on what they get, which is encrypted already where the application speaks HTTPS: no protocol is
    named, which could never be changed again.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
    """
    alias = ServiceConnectClientAlias(
        DnsName=in_environment(f"{APPLICATION}.${{EnvironmentName}}.{PROJECT}.internal"), Port=container_port()
    )
    return ServiceConnectConfiguration(
        Enabled=True,
        Namespace=GetAtt(deployed.namespace, "Arn"),
        Services=[ServiceConnectService(PortName=APPLICATION, DiscoveryName=APPLICATION, ClientAliases=[alias])],
        LogConfiguration=logged_to(deployed.sidecar_logs, "service-connect"),
    )

"""A service of containers behind a load balancer, as a stack, and its tasks as a test says they are."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from conftest import REGION, Account
from fault_proxy import wait_until

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_container_records import OPEN
from generator.rehearsal.emulator_instances import Health, Targets, attend, leave, write_targets
from generator.rehearsal.emulator_tasks import (
    HEALTHY,
    RUNNING,
    TaskStart,
    TaskState,
    announced,
    grant_round,
    handled_rounds,
    write_states,
)

TEMPLATE = """
Parameters:
  Image: {Type: String}
  Strategy: {Type: String, Default: BLUE_GREEN}
  BakeMinutes: {Type: Number, Default: 2}
  PauseMinutes: {Type: Number, Default: 0}
  Allowed: {Type: String, Default: elasticloadbalancing:*}
  Alarm: {Type: String, Default: none}
  Path: {Type: String, Default: /*}
Conditions:
  Canary: !Equals [!Ref Strategy, CANARY]
  Pauses: !Not [!Equals [!Ref PauseMinutes, 0]]
  Watched: !Not [!Equals [!Ref Alarm, none]]
Resources:
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.0.0.0/16}}
  SubnetA: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
  SubnetB: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24}}
  Group: {Type: 'AWS::EC2::SecurityGroup', Properties: {GroupDescription: tasks, VpcId: !Ref Vpc}}
  Balancer: {Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: {Subnets: [!Ref SubnetA, !Ref SubnetB]}}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Protocol: HTTP
      Port: 80
      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: '404'}}]
  Blue: &group
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {VpcId: !Ref Vpc, Port: 8080, Protocol: HTTP, TargetType: ip}
  Green: *group
  Production: &rule
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties: &production
      ListenerArn: !Ref Listener
      Priority: 200
      Conditions: [{Field: path-pattern, PathPatternConfig: {Values: [!Ref Path]}}]
      Actions:
        - Type: forward
          ForwardConfig:
            TargetGroups: [{TargetGroupArn: !Ref Blue, Weight: 100}, {TargetGroupArn: !Ref Green, Weight: 0}]
  Tests:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 50
      Conditions: [{Field: http-header, HttpHeaderConfig: {HttpHeaderName: X-Test, Values: [secret]}}]
      Actions:
        - Type: forward
          ForwardConfig:
            TargetGroups: [{TargetGroupArn: !Ref Blue, Weight: 100}, {TargetGroupArn: !Ref Green, Weight: 0}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: ecs.amazonaws.com}
            Action: sts:AssumeRole
            Condition: {StringEquals: {'aws:SourceAccount': !Ref AWS::AccountId}}
      Policies:
        - PolicyName: shift
          PolicyDocument: {Statement: [{Effect: Allow, Action: !Ref Allowed, Resource: '*'}]}
  Cluster: {Type: 'AWS::ECS::Cluster', Properties: {ClusterName: !Sub 'cluster-${AWS::StackName}'}}
  Providers:
    Type: AWS::ECS::ClusterCapacityProviderAssociations
    Properties: {Cluster: !Ref Cluster, CapacityProviders: [FARGATE, FARGATE_SPOT], DefaultCapacityProviderStrategy: []}
  Definition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: '512'
      Memory: '1024'
      RuntimePlatform: {CpuArchitecture: X86_64, OperatingSystemFamily: LINUX}
      Volumes:
        - Name: images
          EFSVolumeConfiguration:
            FilesystemId: fs-1
            TransitEncryption: ENABLED
            AuthorizationConfig: {AccessPointId: fsap-1, IAM: ENABLED}
      ContainerDefinitions:
        - Name: application
          Image: !Ref Image
          Essential: true
          ReadonlyRootFilesystem: true
          User: '1001'
          StopTimeout: 60
          PortMappings: [{ContainerPort: 8080, Name: application}]
          LinuxParameters: {Capabilities: {Drop: [ALL]}, InitProcessEnabled: true}
          HealthCheck: {Command: [CMD, ./check-health], Interval: 10, Retries: 2}
          Secrets: [{Name: KEY, ValueFrom: 'arn:aws:secretsmanager:eu-west-1:1:secret:key'}]
          LogConfiguration: {LogDriver: awslogs, Options: {awslogs-group: tasks, mode: non-blocking}}
          MountPoints: [{SourceVolume: images, ContainerPath: /srv, ReadOnly: false}]
        - {Name: migration, Image: !Ref Image, Essential: false, Command: [./migrate]}
  Service:
    Type: AWS::ECS::Service
    DependsOn: [Providers, Production, Tests]
    Properties:
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Definition
      DesiredCount: 2
      CapacityProviderStrategy:
        - {CapacityProvider: FARGATE, Base: 1, Weight: 1}
        - {CapacityProvider: FARGATE_SPOT, Weight: 1}
      NetworkConfiguration:
        AwsvpcConfiguration: {Subnets: [!Ref SubnetA, !Ref SubnetB], SecurityGroups: [!Ref Group]}
      LoadBalancers:
        - ContainerName: application
          ContainerPort: 8080
          TargetGroupArn: !Ref Blue
          AdvancedConfiguration:
            AlternateTargetGroupArn: !Ref Green
            ProductionListenerRule: !Ref Production
            TestListenerRule: !Ref Tests
            RoleArn: !GetAtt Role.Arn
      PropagateTags: SERVICE
      EnableECSManagedTags: true
      DeploymentConfiguration:
        Strategy: !Ref Strategy
        BakeTimeInMinutes: !Ref BakeMinutes
        CanaryConfiguration: !If [Canary, {CanaryPercent: 10, CanaryBakeTimeInMinutes: 2}, !Ref AWS::NoValue]
        DeploymentCircuitBreaker: {Enable: true, Rollback: true}
        Alarms: !If
          - Watched
          - {AlarmNames: [!Ref Alarm], Enable: true, Rollback: true}
          - {AlarmNames: [], Enable: false, Rollback: false}
        LifecycleHooks: !If
          - Pauses
          - - TargetType: PAUSE
              LifecycleStages: [POST_TEST_TRAFFIC_SHIFT]
              TimeoutConfiguration: {TimeoutInMinutes: !Ref PauseMinutes, Action: ROLLBACK}
          - []
Outputs:
  Cluster: {Value: !Ref Cluster}
  Service: {Value: !Ref Service}
  ServiceName: {Value: !GetAtt Service.Name}
  Production: {Value: !Ref Production}
  Tests: {Value: !Ref Tests}
  Blue: {Value: !Ref Blue}
  Green: {Value: !Ref Green}
"""
NAME = "containers"
CLUSTER = f"cluster-{NAME}"


class Containers:
    """A stack with a service, in an account of its own. A test says how the tasks of each image are."""

    def __init__(self, emulator: Emulator, pool: ThreadPoolExecutor) -> None:
        self.emulator = emulator
        self.account = Account(emulator, f"5{time.time_ns() % 10**11:011d}")
        self.ecs, self.elb = self.account.client("ecs"), self.account.client("elbv2")
        self._pool = pool
        self.image_states: dict[str, TaskState] = {}
        self._images: dict[str, str] = {}
        self._groups: list[str] = []

    def deploying(self, kind: str = "UPDATE", **parameters: str) -> Future[dict[str, Any]]:
        return self._pool.submit(self.account.deploy, NAME, TEMPLATE, kind, **parameters)

    def deployed(self, kind: str = "UPDATE", **parameters: str) -> dict[str, Any]:
        """Deploy, and let rounds pass until that is over."""
        deploying = self.deploying(kind, **parameters)
        while not deploying.done():
            if self.open():
                self.round()
            time.sleep(0.01)
        return deploying.result()

    @property
    def outputs(self) -> dict[str, str]:
        [stack] = self.account.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return self.account.outputs(stack)

    def began(self, deploying: Future[dict[str, Any]]) -> dict[str, Any]:
        """Wait until ECS has begun a deployment; return it."""
        wait_until(lambda: bool(self.open()) or deploying.done())
        assert not deploying.done(), self.account.failures(NAME)
        return self.open()[0]

    def open(self) -> list[dict[str, Any]]:
        """Return the deployment under way, if there is one."""
        found = [
            each["serviceDeploymentArn"]
            for service in self.ecs.list_services(cluster=CLUSTER)["serviceArns"]
            for each in self.ecs.list_service_deployments(cluster=CLUSTER, service=service, status=sorted(OPEN))[
                "serviceDeployments"
            ]
        ]
        described = self.ecs.describe_service_deployments(serviceDeploymentArns=found) if found else {}
        return list(described.get("serviceDeployments", ()))

    def newest(self) -> dict[str, Any]:
        """Return the newest deployment."""
        cluster, service = self.outputs["Cluster"], self.outputs["Service"]
        listed = self.ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
        arn = listed[0]["serviceDeploymentArn"]
        return dict(self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0])

    def round(self, count: int = 1) -> None:
        """Run what was started as the test says it is, and let so many rounds pass."""
        directory, account_id = self.emulator.directory, self.account.account_id
        for _ in range(count):
            write_states(directory, self._states())
            self._check_targets()
            granted = grant_round(directory, account_id)
            while handled_rounds(directory, account_id) != granted:
                time.sleep(0.005)

    def rounds_until(self, reached: Callable[[], bool], most: int = 40) -> int:
        """Let rounds pass until something is so; return how many it took."""
        for number in range(most + 1):
            if reached():
                return number
            if number < most:
                self.round()
        raise AssertionError(f"not after {most} rounds: {json.dumps(self.open(), default=str)}")

    def until(self, stage: str) -> None:
        self.rounds_until(lambda: [each["lifecycleStage"] for each in self.open()] == [stage])

    def register(self, image: str) -> str:
        """Register a task definition like the stack's with another image; return its ARN."""
        arn = self.running()[0].task_definition_arn
        known = self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        containers = [{**each, "image": image} for each in known["containerDefinitions"]]
        names = ("family", "volumes", "networkMode", "cpu", "memory", "requiresCompatibilities")
        given = {name: known[name] for name in names}
        made = self.ecs.register_task_definition(**given, containerDefinitions=containers)
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def weights(self, rule: str = "Production") -> list[int]:
        """Return the weights of blue and green."""
        [found] = self.elb.describe_rules(RuleArns=[self._rule(rule)])["Rules"]
        groups = {
            each["TargetGroupArn"]: each["Weight"] for each in found["Actions"][0]["ForwardConfig"]["TargetGroups"]
        }
        return [weight for _, weight in sorted(groups.items(), key=lambda each: "Green" in each[0])]

    def _rule(self, logical_id: str) -> str:
        return self.account.child(NAME, logical_id)

    def events(self, kind: type[Any]) -> list[Any]:
        found = (event for event, _ in announced(self.emulator.directory, 0) if isinstance(event, kind))
        account_id = self.account.account_id
        return [each for each in found if account_id in each.task_arn]

    def running(self) -> list[TaskStart]:
        """Return the tasks that were started and have not stopped."""
        found = set(self.ecs.list_tasks(cluster=CLUSTER)["taskArns"])
        return [each for each in self.events(TaskStart) if each.task_arn in found]

    def image_of(self, task: TaskStart) -> str:
        arn = task.task_definition_arn
        if arn not in self._images:
            definition = self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            self._images[arn] = definition["containerDefinitions"][0]["image"]
        return self._images[arn]

    def _states(self) -> dict[str, TaskState]:
        usual = TaskState(RUNNING, HEALTHY)
        return {each.task_arn: self.image_states.get(self.image_of(each), usual) for each in self.running()}

    def _check_targets(self) -> None:
        health = {}
        if len(self._groups) < 2:
            self._groups = [each["TargetGroupArn"] for each in self.elb.describe_target_groups()["TargetGroups"]]
        for arn in self._groups:
            found = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            health[arn] = {each["Target"]["Id"]: Health("healthy") for each in found}
        write_targets(self.emulator.directory, Targets({}, health))

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        cluster = self.outputs["Cluster"]
        arns = self.ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
        described = self.ecs.describe_tasks(cluster=cluster, tasks=arns, include=["TAGS"]) if arns else {}
        return list(described.get("tasks", ()))

    def targets(self, group: str) -> list[str]:
        found = self.elb.describe_target_health(TargetGroupArn=self.account.child(NAME, group))
        return sorted(each["Target"]["Id"] for each in found["TargetHealthDescriptions"])


__all__ = ["NAME", "REGION", "TEMPLATE", "Containers"]


@contextmanager
def attended(emulator: Emulator, image: str) -> Iterator[Containers]:
    """Provide the stack with an image, in an account whose tasks somebody runs, for the time of a `with` block."""
    with ThreadPoolExecutor(1) as pool:
        made = Containers(emulator, pool)
        attend(emulator.directory, [made.account.account_id])
        stack = made.deployed("CREATE", Image=image)
        assert stack["StackStatus"] == "CREATE_COMPLETE", made.account.failures(NAME)
        yield made
        leave(emulator.directory)

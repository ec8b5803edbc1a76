"""How many tasks run: as many as the load needs, within what web servers may be too (W8). Part of `containers`.

Two alarms add a task, when tasks are busy or get many requests for 5 sustained minutes. One removes a task, when both
are over for 15 minutes (docs/decisions/0020). Where the environment goes by office hours, no task runs outside them.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-stepscaling.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, If, Ref, Sub, Template
from troposphere.applicationautoscaling import (
    ScalableTarget,
    ScalableTargetAction,
    ScalingPolicy,
    ScheduledAction,
    StepAdjustment,
    StepScalingPolicyConfiguration,
)
from troposphere.ecs import Cluster, Service

from generator.alarms import Metric, Window, above, at_least, math_alarm, metric_alarm
from generator.naming import name_tag
from generator.office_hours import OFFICE_HOURS, TASKS_START, TASKS_STOP
from generator.stacks.containers_alarms import both_groups

if TYPE_CHECKING:
    from generator.stacks.containers import Parameters
    from generator.stacks.containers_rules import Routes

SUSTAINED = Window(5, 60)
OVER = Window(3, 300)  # re-evaluated every 15 minutes
ADDED_HELPS_AFTER_SECONDS = 300
REMOVED_COUNTS_AFTER_SECONDS = OVER.periods * OVER.seconds
"""An alarm that stays on asks again every minute; the next task goes after another 15 minutes."""


def add_scaling(template: Template, parameters: Parameters, cluster: Cluster, service: Service, routes: Routes) -> None:
    """Add what scales the service."""
    target = _target(template, parameters, cluster, service)
    more = _policy(template, target, "AddOneTask", 1, ADDED_HELPS_AFTER_SECONDS)
    fewer = _policy(template, target, "RemoveOneTask", -1, REMOVED_COUNTS_AFTER_SECONDS)
    dimensions = {"ClusterName": Ref(cluster), "ServiceName": GetAtt(service, "Name")}
    cpu = Metric("AWS/ECS", "CPUUtilization", dimensions)
    # Of each group by itself: requests divided by its tasks. During a deployment both have as many.
    requests = both_groups(parameters, routes, "requests", "RequestCountPerTarget", "Sum")
    template.add_resource(
        metric_alarm(
            "TasksBusy",
            means="Tasks have been busy for 5 minutes; one is added.",
            metric=cpu,
            breach=above(parameters.scale_out_cpu_percent),
            window=SUSTAINED,
            actions=[Ref(more)],
        )
    )
    template.add_resource(
        math_alarm(
            "ManyRequests",
            means="Each task has had many requests for 5 minutes; one is added.",
            expression="SUM([requests_blue, requests_green])",
            metrics=requests,
            breach=above(parameters.scale_out_requests),
            window=SUSTAINED,
            actions=[Ref(more)],
        )
    )
    asked = f"(FILL(requests_blue, 0) + FILL(requests_green, 0)) / {OVER.seconds // 60}"
    template.add_resource(
        math_alarm(
            "TasksIdle",
            means="Tasks have been idle for 15 minutes, with few requests; one is removed, down to the minimum.",
            # Half, because one of two tasks gets what both had.
            expression=Sub(f"IF(cpu < ${{ScaleInCpuPercent}} AND {asked} < ${{ScaleOutRequests}} / 2, 1, 0)"),
            metrics={"cpu": cpu, **requests},
            breach=at_least(1),
            window=OVER,
            actions=[Ref(fewer)],
        )
    )


def _target(template: Template, parameters: Parameters, cluster: Cluster, service: Service) -> ScalableTarget:
    minimum, maximum = parameters.web_server_minimum, parameters.web_server_maximum
    hours = [
        _at(parameters, "StartTasks", TASKS_START, ScalableTargetAction(MinCapacity=minimum, MaxCapacity=maximum)),
        _at(parameters, "StopTasks", TASKS_STOP, ScalableTargetAction(MinCapacity=0, MaxCapacity=0)),
    ]
    return template.add_resource(
        ScalableTarget(
            "ScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=Sub("service/${Cluster}/${Name}", Cluster=Ref(cluster), Name=GetAtt(service, "Name")),
            MinCapacity=minimum,
            MaxCapacity=maximum,
            ScheduledActions=If(OFFICE_HOURS, hours, []),
            Tags=name_tag("container-scaling"),
        )
    )


def _at(parameters: Parameters, name: str, schedule: str, action: ScalableTargetAction) -> ScheduledAction:
    return ScheduledAction(
        ScheduledActionName=name, Schedule=schedule, Timezone=parameters.time_zone, ScalableTargetAction=action
    )


def _policy(template: Template, target: ScalableTarget, title: str, tasks: int, cooldown: int) -> ScalingPolicy:
    step = StepAdjustment(MetricIntervalLowerBound=0, ScalingAdjustment=tasks)
    return template.add_resource(
        ScalingPolicy(
            title,
            PolicyName=title,
            PolicyType="StepScaling",
            ScalingTargetId=Ref(target),
            StepScalingPolicyConfiguration=StepScalingPolicyConfiguration(
                AdjustmentType="ChangeInCapacity", Cooldown=cooldown, StepAdjustments=[step]
            ),
        )
    )

"""One server more under sustained load, and one less when it is over (W8, E12). Part of the stack `web_tier`.

Two alarms say what W8 says: average CPU above the upper bound for 5 sustained minutes starts one server; every 15
minutes, three periods of 5, CPU below the lower bound ends one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import AWSHelperFn, Ref, Template
from troposphere.autoscaling import ScalingPolicy, StepAdjustments

from generator.alarms import Metric, Window, above, below, metric_alarm
from generator.stacks.web_tier_fleet import HAS_ONE_FLEET, WARM_UP_SECONDS

if TYPE_CHECKING:
    from generator.stacks.web_tier import Parameters

# Sustained for 5 minutes; detailed monitoring gives one-minute data.
SCALE_OUT_PERIODS, SCALE_OUT_PERIOD_SECONDS = 5, 60
SCALE_IN_PERIODS, SCALE_IN_PERIOD_SECONDS = 3, 300  # re-evaluated every 15 minutes


def add_scaling(template: Template, parameters: Parameters, group: AWSHelperFn) -> None:
    """Let the group of this name grow and shrink, where it runs alone: two have all servers that may be."""
    add, remove = _adding(template, group), _removing(template, group)
    cpu_of_the_group = Metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": group})
    template.add_resource(
        metric_alarm(
            "SustainedLoad",
            means="Web servers have been busy for 5 minutes; one is added.",
            metric=cpu_of_the_group,
            breach=above(parameters.scale_out_cpu_percent),
            window=Window(SCALE_OUT_PERIODS, SCALE_OUT_PERIOD_SECONDS),
            actions=[Ref(add)],
            condition=HAS_ONE_FLEET,
        )
    )
    template.add_resource(
        metric_alarm(
            "LoadIsOver",
            means="Web servers have been idle for 15 minutes; one is removed, down to the minimum.",
            metric=cpu_of_the_group,
            breach=below(parameters.scale_in_cpu_percent),
            window=Window(SCALE_IN_PERIODS, SCALE_IN_PERIOD_SECONDS),
            actions=[Ref(remove)],
            condition=HAS_ONE_FLEET,
        )
    )


def _adding(template: Template, group: AWSHelperFn) -> ScalingPolicy:
    one_more = StepAdjustments(ScalingAdjustment=1, MetricIntervalLowerBound=0)
    return template.add_resource(
        ScalingPolicy(
            "AddOneServer",
            Condition=HAS_ONE_FLEET,
            AutoScalingGroupName=group,
            PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity",
            StepAdjustments=[one_more],
            EstimatedInstanceWarmup=WARM_UP_SECONDS,
        )
    )


def _removing(template: Template, group: AWSHelperFn) -> ScalingPolicy:
    """Add the policy that removes a server, and the next one only after another 15 minutes (W8).

    An alarm that stays on asks again every minute. A step would remove two servers within a minute, where simple
    scaling waits for its cooldown. https://repost.aws/knowledge-center/autoscaling-policy-cloudwatch-alarm
    """
    return template.add_resource(
        ScalingPolicy(
            "RemoveOneServer",
            Condition=HAS_ONE_FLEET,
            AutoScalingGroupName=group,
            PolicyType="SimpleScaling",
            AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=-1,
            Cooldown=str(SCALE_IN_PERIODS * SCALE_IN_PERIOD_SECONDS),
        )
    )

"""The web servers: target group, listener rule, launch template, Auto Scaling group, and the alarms that scale it.

Owns what answers the requests that the load balancer lets through (E8, E12). Servers have no public address and no SSH
key (W2); the load balancer checks their health and the group replaces whoever fails (W6, W7). The load balancer speaks
HTTPS to them, or HTTP where TLS is offloaded (W4).

Scaling is two alarms that say what W8 says: average CPU above the upper bound for 5 sustained minutes starts one
server; every 15 minutes, three periods of 5, CPU below the lower bound ends one. The group's maximum never exceeds 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.cloudwatch
import awacs.elasticloadbalancing
import awacs.logs
import awacs.xray
from awacs.aws import Condition, StringEquals
from troposphere import Equals, GetAtt, If, Ref, Template
from troposphere.autoscaling import (
    AutoScalingGroup,
    LaunchTemplateSpecification,
    MetricsCollection,
    ScalingPolicy,
    StepAdjustments,
)
from troposphere.ec2 import LaunchTemplate
from troposphere.elasticloadbalancingv2 import (
    Condition as RuleCondition,
)
from troposphere.elasticloadbalancingv2 import (
    HttpHeaderConfig,
    ListenerRule,
    ListenerRuleAction,
    Matcher,
    PathPatternConfig,
    TargetGroup,
    TargetGroupAttribute,
)
from troposphere.iam import InstanceProfile, PolicyType
from troposphere.logs import LogGroup
from troposphere.policies import (
    AutoScalingRollingUpdate,
    AutoScalingScheduledAction,
    CreationPolicy,
    ResourceSignal,
    UpdatePolicy,
)

from generator.alarms import Metric, Window, above, below, metric_alarm
from generator.iam import allow, attach
from generator.launch_template import Server, launch_template
from generator.logs import log_group
from generator.naming import PROJECT, in_environment, name_tag, parameter_path
from generator.nesting import add_condition, only_if
from generator.origin import ORIGIN_HEADER, origin_secret
from generator.parameter_types import (
    AccessPointId,
    ArchiveKey,
    BucketName,
    CpuPercent,
    EnvironmentName,
    FileSystemId,
    ImageId,
    InstanceType,
    KeyArn,
    ListenerArn,
    LoadBalancerAccess,
    OriginSecretArn,
    ResourceName,
    RoleName,
    SecurityGroupId,
    ServerMaximum,
    ServerMinimum,
    SubnetIds,
    TableName,
    TargetProtocol,
    VpcCidr,
    VpcId,
    output,
    parameter,
)
from generator.user_data import WEB_SERVER, user_data

FOR_CLOUDFRONT = "ForCloudFront"
HEALTH_CHECK_PATH = "/healthz"
HEALTH_CHECK_SECONDS, HEALTH_CHECK_TIMEOUT_SECONDS, HEALTHY_AFTER, UNHEALTHY_AFTER = 10, 5, 2, 2
DRAINING_SECONDS = 60
RULE_PRIORITY = 100

BOOTSTRAP_TIMEOUT_MINUTES = 10
# Longer than the bootstrap may take: a server that is still installing itself must not be replaced as unhealthy.
HEALTH_CHECK_GRACE_SECONDS = (BOOTSTRAP_TIMEOUT_MINUTES + 2) * 60
# All that could end a server while the rolling update counts on it.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatepolicy.html
SUSPENDED_DURING_UPDATE = [
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
]

SCALE_OUT_PERIODS, SCALE_OUT_PERIOD_SECONDS = (
    5,
    60,
)  # sustained for 5 minutes; detailed monitoring gives one-minute data
SCALE_IN_PERIODS, SCALE_IN_PERIOD_SECONDS = 3, 300  # re-evaluated every 15 minutes
WARM_UP_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    vpc_id: VpcId = parameter("The VPC.")
    vpc_cidr: VpcCidr = parameter("Address range of the VPC, in which the load balancer is.")
    private_subnet_ids: SubnetIds = parameter("Subnets of the web servers.")
    web_server_group_id: SecurityGroupId = parameter("Security group of the web servers.")
    web_server_role_name: RoleName = parameter(
        "Role of the web servers, which gets the right to write logs and metrics."
    )
    https_listener_arn: ListenerArn = parameter("Listener whose requests the web servers answer.")
    load_balancer_access: LoadBalancerAccess = parameter("Whom the load balancer answers.")
    origin_secret_arn: OriginSecretArn = parameter("Secret by which requests from CloudFront are known, or none.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the log group.")
    session_table_name: TableName = parameter("Table of the application's sessions.")
    file_system_id: FileSystemId = parameter("File system with the product images.")
    images_access_point_id: AccessPointId = parameter("Access point of the product images.")
    release_bucket_name: BucketName = parameter("Bucket of the application's release archives.")
    application_archive_key: ArchiveKey = parameter("Archive to serve, or empty for the welcome page.")
    web_server_image_id: ImageId = parameter("AMI of the web servers, pinned by the release.")
    web_server_instance_type: InstanceType = parameter("Instance type of the web servers.")
    target_protocol: TargetProtocol = parameter("Protocol between load balancer and web servers.")
    web_server_minimum: ServerMinimum = parameter("Number of web servers that always run.")
    web_server_maximum: ServerMaximum = parameter("Number of web servers under load.")
    scale_out_cpu_percent: CpuPercent = parameter("Average CPU above which one server is added.")
    scale_in_cpu_percent: CpuPercent = parameter("Average CPU below which one server is removed.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    web_server_group_name: ResourceName = output("Auto Scaling group of the web servers.")
    target_group_full_name: ResourceName = output("Full name of the target group, as CloudWatch metrics spell it.")
    log_group_name: ResourceName = output("Log group of the web servers.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "HttpsTargets", Equals(parameters.target_protocol, "HTTPS"))
    add_condition(template, FOR_CLOUDFRONT, Equals(parameters.load_balancer_access, "cloudfront"))
    target_group = _target_group(template, parameters)
    rule = _listener_rule(template, parameters, target_group)
    logs = template.add_resource(log_group("WebServerLogGroup", tag="web-server-logs", key=parameters.logs_key_arn))
    policy = _logging_policy(template, parameters, logs)
    made_of = _launch_template(template, parameters, target_group, logs)
    group = _web_servers(template, parameters, made_of, target_group)
    # A server needs its rights at its first start, and its health counts only behind a listener.
    group.DependsOn = [policy.title, rule.title]
    _scaling(template, parameters, group)
    return Outputs(
        web_server_group_name=ResourceName(Ref(group)),
        target_group_full_name=ResourceName(GetAtt(target_group, "TargetGroupFullName")),
        log_group_name=ResourceName(Ref(logs)),
    )


def _target_group(template: Template, parameters: Parameters) -> TargetGroup:
    attributes = {
        "deregistration_delay.timeout_seconds": str(DRAINING_SECONDS),
        "load_balancing.algorithm.type": "least_outstanding_requests",
        # Sessions are in DynamoDB, so that any server can answer any request and one may be lost.
        "stickiness.enabled": "false",
    }
    return template.add_resource(
        TargetGroup(
            "WebServers",
            VpcId=parameters.vpc_id,
            TargetType="instance",
            Protocol=parameters.target_protocol,
            Port=If("HttpsTargets", 443, 80),
            HealthCheckEnabled=True,
            HealthCheckProtocol=parameters.target_protocol,
            HealthCheckPath=HEALTH_CHECK_PATH,
            HealthCheckIntervalSeconds=HEALTH_CHECK_SECONDS,
            HealthCheckTimeoutSeconds=HEALTH_CHECK_TIMEOUT_SECONDS,
            HealthyThresholdCount=HEALTHY_AFTER,
            UnhealthyThresholdCount=UNHEALTHY_AFTER,
            Matcher=Matcher(HttpCode="200"),
            TargetGroupAttributes=[TargetGroupAttribute(Key=key, Value=value) for key, value in attributes.items()],
            Tags=name_tag("web-servers"),
        )
    )


def _listener_rule(template: Template, parameters: Parameters, target_group: TargetGroup) -> ListenerRule:
    """Add the rule that lets requests through. Where only CloudFront may ask, it must be our distribution (W1)."""
    everything = RuleCondition(Field="path-pattern", PathPatternConfig=PathPatternConfig(Values=["/*"]))
    told = HttpHeaderConfig(HttpHeaderName=ORIGIN_HEADER, Values=[origin_secret()])
    from_our_distribution = RuleCondition(Field="http-header", HttpHeaderConfig=told)
    return template.add_resource(
        ListenerRule(
            "ForwardToWebServers",
            ListenerArn=parameters.https_listener_arn,
            Priority=RULE_PRIORITY,
            Conditions=[everything, only_if(FOR_CLOUDFRONT, from_our_distribution)],
            Actions=[ListenerRuleAction(Type="forward", TargetGroupArn=Ref(target_group))],
        )
    )


def _logging_policy(template: Template, parameters: Parameters, logs: LogGroup) -> PolicyType:
    write = [awacs.logs.CreateLogStream, awacs.logs.DescribeLogStreams, awacs.logs.PutLogEvents]
    own_namespace = Condition(StringEquals({"cloudwatch:namespace": PROJECT}))
    return template.add_resource(
        attach(
            "WriteLogsAndMetrics",
            parameters.web_server_role_name,
            allow("WriteLogs", write, [GetAtt(logs, "Arn")]),
            # Metrics have no ARN; the namespace is the only thing that confines them.
            allow("WriteMetrics", [awacs.cloudwatch.PutMetricData], ["*"], own_namespace),
            # Nor have traces; the agent hands on what the application tells it (D11).
            allow("WriteTraces", [awacs.xray.PutTelemetryRecords, awacs.xray.PutTraceSegments], ["*"]),
            # A server is ready when the load balancer finds it healthy; IAM limits this to no resource.
            allow("SeeOwnHealth", [awacs.elasticloadbalancing.DescribeTargetHealth], ["*"]),
        )
    )


def _launch_template(
    template: Template, parameters: Parameters, target_group: TargetGroup, logs: LogGroup
) -> LaunchTemplate:
    # Here and not beside its role: IAM takes two minutes for it, and only the servers wait (docs/decisions/0007).
    profile = template.add_resource(InstanceProfile("WebServerProfile", Roles=[parameters.web_server_role_name]))
    server = Server(
        name="web-server",
        environment_name=parameters.environment_name,
        image=parameters.web_server_image_id,
        instance_type=parameters.web_server_instance_type,
        profile=profile,
        group=parameters.web_server_group_id,
        public_address=False,
        user_data=_bootstrap(parameters, target_group, logs),
    )
    return template.add_resource(launch_template("LaunchTemplate", server))


def _bootstrap(parameters: Parameters, target_group: TargetGroup, logs: LogGroup) -> object:
    return user_data(
        WEB_SERVER,
        {
            "ENVIRONMENT_NAME": parameters.environment_name,
            "REGION": Ref("AWS::Region"),
            "STACK_NAME": Ref("AWS::StackName"),
            "TARGET_PROTOCOL": parameters.target_protocol,
            "FILE_SYSTEM_ID": parameters.file_system_id,
            "ACCESS_POINT_ID": parameters.images_access_point_id,
            "RELEASE_BUCKET": parameters.release_bucket_name,
            "ARCHIVE_KEY": parameters.application_archive_key,
            "SESSION_TABLE": parameters.session_table_name,
            "PARAMETER_PATH": parameter_path(),
            "VPC_CIDR": parameters.vpc_cidr,
            "TARGET_GROUP_ARN": Ref(target_group),
            "LOG_GROUP": Ref(logs),
            "METRIC_NAMESPACE": PROJECT,
        },
    )


def _web_servers(
    template: Template, parameters: Parameters, made_of: LaunchTemplate, target_group: TargetGroup
) -> AutoScalingGroup:
    bootstrap_timeout = f"PT{BOOTSTRAP_TIMEOUT_MINUTES}M"
    # Unvalidated: troposphere compares minimum and maximum as numbers, and they are the environment's parameters.
    return template.add_resource(
        AutoScalingGroup(
            "WebServerGroup",
            LaunchTemplate=LaunchTemplateSpecification(
                LaunchTemplateId=Ref(made_of), Version=GetAtt(made_of, "LatestVersionNumber")
            ),
            VPCZoneIdentifier=parameters.private_subnet_ids,
            # No DesiredCapacity: an update would set the group back to it in the middle of a busy evening.
            MinSize=parameters.web_server_minimum,
            MaxSize=parameters.web_server_maximum,
            TargetGroupARNs=[Ref(target_group)],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=HEALTH_CHECK_GRACE_SECONDS,
            DefaultInstanceWarmup=WARM_UP_SECONDS,
            MetricsCollection=[MetricsCollection(Granularity="1Minute")],
            TerminationPolicies=["OldestLaunchTemplate", "Default"],
            Tags=[
                {
                    "Key": "Name",
                    "Value": in_environment(f"{PROJECT}-${{EnvironmentName}}-web-server"),
                    "PropagateAtLaunch": False,
                }
            ],
            CreationPolicy=CreationPolicy(
                ResourceSignal=ResourceSignal(Count=parameters.web_server_minimum, Timeout=bootstrap_timeout)
            ),
            UpdatePolicy=UpdatePolicy(
                AutoScalingRollingUpdate=AutoScalingRollingUpdate(
                    MinInstancesInService=parameters.web_server_minimum,
                    MaxBatchSize=1,
                    WaitOnResourceSignals=True,
                    PauseTime=bootstrap_timeout,
                    SuspendProcesses=SUSPENDED_DURING_UPDATE,
                ),
                AutoScalingScheduledAction=AutoScalingScheduledAction(IgnoreUnmodifiedGroupSizeProperties=True),
            ),
        ).no_validation()
    )


def _scaling(template: Template, parameters: Parameters, group: AutoScalingGroup) -> None:
    add, remove = _adding(template, group), _removing(template, group)
    cpu_of_the_group = Metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": Ref(group)})
    template.add_resource(
        metric_alarm(
            "SustainedLoad",
            means="Web servers have been busy for 5 minutes; one is added.",
            metric=cpu_of_the_group,
            breach=above(parameters.scale_out_cpu_percent),
            window=Window(SCALE_OUT_PERIODS, SCALE_OUT_PERIOD_SECONDS),
            actions=[Ref(add)],
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
        )
    )


def _adding(template: Template, group: AutoScalingGroup) -> ScalingPolicy:
    one_more = StepAdjustments(ScalingAdjustment=1, MetricIntervalLowerBound=0)
    return template.add_resource(
        ScalingPolicy(
            "AddOneServer",
            AutoScalingGroupName=Ref(group),
            PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity",
            StepAdjustments=[one_more],
            EstimatedInstanceWarmup=WARM_UP_SECONDS,
        )
    )


def _removing(template: Template, group: AutoScalingGroup) -> ScalingPolicy:
    """Add the policy that removes a server, and the next one only after another 15 minutes (W8).

    An alarm that stays on asks again every minute. A step would remove two servers within a minute, where simple
    scaling waits for its cooldown. https://repost.aws/knowledge-center/autoscaling-policy-cloudwatch-alarm
    """
    return template.add_resource(
        ScalingPolicy(
            "RemoveOneServer",
            AutoScalingGroupName=Ref(group),
            PolicyType="SimpleScaling",
            AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=-1,
            Cooldown=str(SCALE_IN_PERIODS * SCALE_IN_PERIOD_SECONDS),
        )
    )

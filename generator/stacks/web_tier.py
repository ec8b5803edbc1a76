"""The web servers: two target groups and the rules before them, two fleets, and the alarms that scale them.

Owns what answers the requests that the load balancer lets through (E8, E12), where servers do so and not containers
(D2). Servers have no public address and no SSH key (W2); the load balancer checks their health and the group replaces
whoever fails (W6, W7). The load balancer speaks HTTPS to them, or HTTP where TLS is offloaded (W4).

One rule forwards to blue and green servers by weight, so that a version is switched, and switched back, by one
parameter (D15); another lets tests reach the fleet that visitors do not. Both target groups are always there: a group
without servers costs nothing, and the rules stay the same but for their weights. Never more than 3 servers run, of both
colours together (W8).
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.cloudwatch
import awacs.elasticloadbalancing
import awacs.logs
import awacs.xray
from awacs.aws import Condition, StringEquals
from troposphere import Equals, FindInMap, GetAtt, If, Ref, Template
from troposphere.autoscaling import AutoScalingGroup
from troposphere.elasticloadbalancingv2 import ListenerRule, TargetGroup
from troposphere.iam import InstanceProfile, PolicyType
from troposphere.logs import LogGroup
from troposphere.secretsmanager import Secret

from generator.iam import allow, attach
from generator.listener_rules import (
    EVERY_PATH,
    SERVERS_PRIORITY,
    SERVERS_TEST_PRIORITY,
    add_access_condition,
    for_paths,
    forward,
    from_our_distribution,
)
from generator.logs import log_group
from generator.naming import PROJECT, name_tag
from generator.nesting import add_condition
from generator.parameter_types import (
    AccessPointId,
    ArchiveKey,
    BucketName,
    Compute,
    CpuPercent,
    EnvironmentName,
    FileSystemId,
    GreenShare,
    ImageId,
    InstanceType,
    KeyArn,
    ListenerArn,
    LoadBalancerAccess,
    OriginSecretArn,
    PathPatterns,
    ResourceName,
    RoleName,
    SecurityGroupId,
    ServerMaximum,
    ServerMinimum,
    SubnetIds,
    TableName,
    TargetProtocol,
    TimeZone,
    Toggle,
    TraceShare,
    VpcCidr,
    VpcId,
    output,
    parameter,
)
from generator.preview import add_test_secret, tells
from generator.stacks.web_tier_fleet import BLUE, GREEN, add_fleet, add_fleet_conditions
from generator.stacks.web_tier_scaling import add_scaling
from generator.target_groups import HTTPS_TARGETS, target_group

BESIDE_CONTAINERS = "BesideContainers"
WEIGHTS = {share: {"Blue": 100 - int(share), "Green": int(share)} for share in GreenShare.allowed_values}
"""What of a hundred requests each colour gets, by `GreenShare`."""


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
    data_key_arn: KeyArn = parameter("Key that encrypts the secret of tests.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the log group.")
    session_table_name: TableName = parameter("Table of the application's sessions.")
    file_system_id: FileSystemId = parameter("File system with the product images.")
    images_access_point_id: AccessPointId = parameter("Access point of the product images.")
    release_bucket_name: BucketName = parameter("Bucket of the application's release archives.")
    compute: Compute = parameter("Whether web servers answer all requests, or containers the rest.")
    server_paths: PathPatterns = parameter("Paths that web servers answer beside containers.")
    container_service_name: ResourceName = parameter("Service of the containers that answer the rest, or none.")
    application_archive_key: ArchiveKey = parameter("Archive that blue servers serve; empty for the welcome page.")
    green_archive_key: ArchiveKey = parameter("Archive that green servers serve; empty for the welcome page.")
    green_share: GreenShare = parameter("Percent of the requests that green servers get.")
    standby_servers: Toggle = parameter("Whether servers run that get no requests.")
    web_server_image_id: ImageId = parameter("AMI of the web servers, pinned by the release.")
    web_server_instance_type: InstanceType = parameter("Instance type of the web servers.")
    target_protocol: TargetProtocol = parameter("Protocol between load balancer and web servers.")
    web_server_minimum: ServerMinimum = parameter("Number of web servers that always run.")
    web_server_maximum: ServerMaximum = parameter("Number of web servers under load.")
    scale_out_cpu_percent: CpuPercent = parameter("Average CPU above which one server is added.")
    scale_in_cpu_percent: CpuPercent = parameter("Average CPU below which one server is removed.")
    office_hours_only: Toggle = parameter("Whether web servers run in office hours only.")
    time_zone: TimeZone = parameter("Time zone of the office hours.")
    trace_share: TraceShare = parameter("Share of the requests that is traced.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    web_server_group_name: ResourceName = output("Auto Scaling group of the blue web servers, or none.")
    green_web_server_group_name: ResourceName = output("Auto Scaling group of the green web servers, or none.")
    target_group_full_name: ResourceName = output("Target group of blue servers, as CloudWatch metrics spell it.")
    green_target_group_full_name: ResourceName = output("Target group of green servers, spelled the same way.")
    log_group_name: ResourceName = output("Log group of the web servers.")
    test_secret_arn: ResourceName = output("Secret by which requests reach the servers that visitors do not.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HTTPS_TARGETS, Equals(parameters.target_protocol, "HTTPS"))
    add_access_condition(template, parameters.load_balancer_access)
    add_condition(template, BESIDE_CONTAINERS, Equals(parameters.compute, "both"))
    add_fleet_conditions(template, parameters)
    blue_targets = _target_group(template, parameters, "WebServers", "web-servers")
    green_targets = _target_group(template, parameters, "GreenWebServers", "green-web-servers")
    test_secret = add_test_secret(template, parameters.data_key_arn)
    test = _test_rule(template, parameters, test_secret, blue_targets, green_targets)
    logs = template.add_resource(log_group("WebServerLogGroup", tag="web-server-logs", key=parameters.logs_key_arn))
    policy = _logging_policy(template, parameters, logs)
    # Here and not beside its role: IAM takes two minutes for it, and only the servers wait (docs/decisions/0007).
    profile = template.add_resource(InstanceProfile("WebServerProfile", Roles=[parameters.web_server_role_name]))
    archive, green_archive = parameters.application_archive_key, parameters.green_archive_key
    blue = add_fleet(template, parameters, BLUE, archive, profile, blue_targets, logs)
    green = add_fleet(template, parameters, GREEN, green_archive, profile, green_targets, logs)
    for group in (blue, green):
        # A server needs its rights at its first start, and its health counts only behind a listener.
        group.DependsOn = [policy.title, test.title]
    _rule_of_visitors(template, parameters, (blue_targets, blue), (green_targets, green))
    add_scaling(template, parameters, If(BLUE.is_there, Ref(blue), Ref(green)))
    return Outputs(
        web_server_group_name=ResourceName(If(BLUE.is_there, Ref(blue), "none")),
        green_web_server_group_name=ResourceName(If(GREEN.is_there, Ref(green), "none")),
        target_group_full_name=ResourceName(GetAtt(blue_targets, "TargetGroupFullName")),
        green_target_group_full_name=ResourceName(GetAtt(green_targets, "TargetGroupFullName")),
        log_group_name=ResourceName(Ref(logs)),
        test_secret_arn=ResourceName(Ref(test_secret)),
    )


def _target_group(template: Template, parameters: Parameters, title: str, tag: str) -> TargetGroup:
    return template.add_resource(
        target_group(
            title,
            vpc_id=parameters.vpc_id,
            target_type="instance",
            protocol=parameters.target_protocol,
            port=If(HTTPS_TARGETS, 443, 80),
            tag=tag,
        )
    )


def _rule_of_visitors(
    template: Template,
    parameters: Parameters,
    blue: tuple[TargetGroup, AutoScalingGroup],
    green: tuple[TargetGroup, AutoScalingGroup],
) -> None:
    """Add the rule that lets visitors through. Where only CloudFront may ask, it must be our distribution (W1).

    It stands before the containers' rule, so that it decides who answers what (docs/decisions/0021). No cookie binds a
    visitor to a colour: it would be stronger than the weights, and keep visitors on a version that is switched off.
    https://repost.aws/questions/QUugYm4uzWSI2af5mnmMjlZQ/alb-to-automatically-redirect-traffic

    Its tags name the fleets that answer, and the containers that answer the rest. Thereby it waits for them: requests
    move when servers and containers are there, and with the archive that they are to serve. `DependsOn` cannot say so,
    since it must not name what may be absent.
    """
    template.add_mapping("Weights", WEIGHTS)
    blue_weight, green_weight = (FindInMap("Weights", parameters.green_share, colour) for colour in ("Blue", "Green"))
    tags = name_tag("forward-to-web-servers")
    tags.tags += [
        {"Key": f"{fleet.colour}Servers", "Value": If(fleet.is_there, Ref(group), "none")}
        for fleet, (_, group) in ((BLUE, blue), (GREEN, green))
    ]
    tags.tags.append({"Key": "Containers", "Value": parameters.container_service_name})
    template.add_resource(
        ListenerRule(
            "ForwardToWebServers",
            ListenerArn=parameters.https_listener_arn,
            Priority=SERVERS_PRIORITY,
            Conditions=[
                for_paths(If(BESIDE_CONTAINERS, parameters.server_paths, [EVERY_PATH])),
                from_our_distribution(),
            ],
            Actions=[forward((Ref(blue[0]), blue_weight), (Ref(green[0]), green_weight))],
            Tags=tags,
        )
    )


def _test_rule(
    template: Template, parameters: Parameters, secret: Secret, blue: TargetGroup, green: TargetGroup
) -> ListenerRule:
    """Add the rule by which tests reach the fleet that visitors do not reach, or reach less.

    It is there before the servers are, so that the load balancer checks their health.
    """
    blue_weight, green_weight = (FindInMap("Weights", parameters.green_share, colour) for colour in ("Green", "Blue"))
    return template.add_resource(
        ListenerRule(
            "TestWebServers",
            ListenerArn=parameters.https_listener_arn,
            Priority=SERVERS_TEST_PRIORITY,
            Conditions=[tells(secret), from_our_distribution()],
            Actions=[forward((Ref(blue), blue_weight), (Ref(green), green_weight))],
            Tags=name_tag("test-web-servers"),
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

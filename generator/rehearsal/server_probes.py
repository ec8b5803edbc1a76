"""What was deployed to serve from EC2, asked of the services themselves: part of `probes`, where there are servers."""

from __future__ import annotations

from generator.rehearsal.target import Finding, Findings, Target, where


def web_servers(target: Target) -> Findings:
    """Servers run in private subnets, without a public address, with detailed monitoring and IMDSv2 (W2, E8, E12)."""
    group_name = target.deployment.outputs["WebServerGroupName"]
    groups = target.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group_name])
    group = groups["AutoScalingGroups"][0]
    minimum, maximum = (
        int(v.literal) for v in (target.environment.web_server_minimum, target.environment.web_server_maximum)
    )
    yield Finding("E12: minimum and maximum of web servers", (minimum, maximum), (group["MinSize"], group["MaxSize"]))
    yield Finding("W6: servers are judged by the load balancer's health check", "ELB", group["HealthCheckType"])
    ids = [instance["InstanceId"] for instance in group["Instances"]]
    yield Finding("E12: web servers running", minimum, len(ids))
    reservations = target.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    servers = [instance for reservation in reservations for instance in reservation["Instances"]]
    yield Finding(
        "W2: public addresses of web servers", [], [s["PublicIpAddress"] for s in servers if s.get("PublicIpAddress")]
    )
    yield Finding(
        "W2: web servers are in private subnets", True, {s["SubnetId"] for s in servers} <= target.subnets("Private")
    )
    own_group = {target.id("Security", "WebServerGroup")}
    actual = {g["GroupId"] for s in servers for g in s["SecurityGroups"]}
    yield Finding("E8: security groups of web servers", own_group, actual)


def launch_template(target: Target) -> Findings:
    """What a new server is made of (E8, E15, D10)."""
    versions = target.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=target.id("WebTier", "LaunchTemplate"), Versions=["$Latest"]
    )
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    yield Finding("D8: instance metadata needs a token (IMDSv2)", "required", data["MetadataOptions"]["HttpTokens"])
    yield Finding("E15: detailed monitoring", True, data["Monitoring"]["Enabled"])
    yield Finding("W2: SSH key of web servers", None, data.get("KeyName"))
    volumes = [(d["Ebs"]["VolumeType"], d["Ebs"]["Encrypted"]) for d in data["BlockDeviceMappings"]]
    yield Finding("D10: volumes of web servers", [("gp3", True)], volumes)


def target_health(target: Target) -> Findings:
    """All servers are registered behind the load balancer and healthy (W6)."""
    health = target.client("elbv2").describe_target_health(TargetGroupArn=target.id("WebTier", "WebServers"))
    states = [description["TargetHealth"]["State"] for description in health["TargetHealthDescriptions"]]
    yield Finding("W6: health of the targets", ["healthy"] * int(target.environment.web_server_minimum.literal), states)


def scaling(target: Target) -> Findings:
    """The alarms say what W8 says: 5 sustained minutes start one server, every 15 minutes one is ended."""
    names = [target.id("WebTier", name) for name in ("SustainedLoad", "LoadIsOver")]
    found = target.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    up, down = (next(alarm for alarm in found if alarm["AlarmName"] == name) for name in names)
    bounds = int(target.environment.scale_out_cpu_percent.literal), int(target.environment.scale_in_cpu_percent.literal)
    yield Finding("W8: thresholds in percent of CPU", bounds, (int(up["Threshold"]), int(down["Threshold"])))
    minutes = tuple(alarm["Period"] * alarm["EvaluationPeriods"] // 60 for alarm in (up, down))
    yield Finding("W8: minutes until a server is started, ended", (5, 15), minutes)


SERVER_PROBES = where(lambda target: target.has_servers, web_servers, launch_template, target_health, scaling)

"""What operators may do is limited by the namespace of data and the group of a server, as on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import REGION, Account
from roles import account, allow, make_role

from generator.rehearsal.emulator import Emulator

ACCOUNT_ID = "333333333333"
GROUP = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.9.1.0/24, AvailabilityZone: eu-west-1a}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: ami-0123456789abcdef0, InstanceType: t3.micro}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "1"
      MaxSize: "1"
      VPCZoneIdentifier: [!Ref Subnet]
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
"""


@pytest.fixture
def operated(emulator: Emulator) -> Account:
    return Account(emulator, ACCOUNT_ID)


def client_that_may(operated: Account, name: str, service: str, statement: dict[str, Any]) -> Any:
    arn = make_role(operated.client("iam"), name, account(ACCOUNT_ID), [statement])
    return operated.emulator.client_of_role(service, arn, ACCOUNT_ID, REGION)


def servers(operated: Account, group: str) -> set[str]:
    described = operated.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    return {each["InstanceId"] for each in described["AutoScalingGroups"][0]["Instances"]}


def test_data_is_put_into_the_namespace_that_a_policy_names_alone(operated: Account) -> None:
    ours = {"StringEquals": {"cloudwatch:namespace": "operators"}}
    statement = allow("cloudwatch:PutMetricData", **ours)
    cloudwatch = client_that_may(operated, "puts-data", "cloudwatch", statement)
    datum = [{"MetricName": "PageAcknowledged", "Value": 1}]
    cloudwatch.put_metric_data(Namespace="operators", MetricData=datum)
    with pytest.raises(cloudwatch.exceptions.ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        cloudwatch.put_metric_data(Namespace="others", MetricData=datum)


def test_a_server_is_ended_by_whom_its_group_lets(operated: Account) -> None:
    stack = operated.deploy("ends", GROUP)
    assert stack["StackStatus"] == "CREATE_COMPLETE", operated.failures("ends")
    group = operated.child("ends", "Group")
    [server] = servers(operated, group)
    ending = {"InstanceId": server, "ShouldDecrementDesiredCapacity": False}
    action, of = "autoscaling:TerminateInstanceInAutoScalingGroup", "arn:aws:autoscaling:*:*:autoScalingGroup:*:"
    stranger = allow(action, f"{of}autoScalingGroupName/other-*")
    refused = client_that_may(operated, "ends-others", "autoscaling", stranger)
    with pytest.raises(refused.exceptions.ClientError, match=f"not authorized to perform: {action}"):
        refused.terminate_instance_in_auto_scaling_group(**ending)
    allowed = client_that_may(operated, "ends-ours", "autoscaling", allow(action, f"{of}autoScalingGroupName/ends-*"))
    activity = allowed.terminate_instance_in_auto_scaling_group(**ending)["Activity"]
    assert server in activity["Description"]
    assert servers(operated, group) - {server} == servers(operated, group) != set()
    [successor] = servers(operated, group)
    with pytest.raises(allowed.exceptions.ClientError, match="smaller than its minimum size"):
        allowed.terminate_instance_in_auto_scaling_group(InstanceId=successor, ShouldDecrementDesiredCapacity=True)
    with pytest.raises(refused.exceptions.ClientError):
        refused.terminate_instance_in_auto_scaling_group(**ending)


def test_processes_are_suspended_and_resumed(operated: Account) -> None:
    group, autoscaling = operated.child("ends", "Group"), operated.client("autoscaling")

    def suspended() -> set[str]:
        [described] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        return {each["ProcessName"] for each in described["SuspendedProcesses"]}

    assert suspended() == set()
    autoscaling.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=["HealthCheck", "ReplaceUnhealthy"])
    assert suspended() == {"HealthCheck", "ReplaceUnhealthy"}
    autoscaling.resume_processes(AutoScalingGroupName=group, ScalingProcesses=["HealthCheck"])
    assert suspended() == {"ReplaceUnhealthy"}
    autoscaling.resume_processes(AutoScalingGroupName=group)
    assert suspended() == set()
    with pytest.raises(autoscaling.exceptions.ClientError, match="name not found"):
        autoscaling.resume_processes(AutoScalingGroupName="nobody")


def saved_query(text: str) -> str:
    properties = {"Name": "trial/latest errors", "QueryString": text, "LogGroupNames": ["/trial"]}
    return json.dumps({"Resources": {"Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": properties}}})


def test_saved_queries_are_listed_changed_and_forgotten(operated: Account) -> None:
    logs = operated.client("logs")

    def texts(prefix: str) -> list[str]:
        found = logs.describe_query_definitions(queryDefinitionNamePrefix=prefix)["queryDefinitions"]
        return [each["queryString"] for each in found]

    assert operated.deploy("queries", saved_query("fields @message"))["StackStatus"] == "CREATE_COMPLETE"
    name = operated.child("queries", "Query")
    assert (texts("trial/"), texts("other/")) == (["fields @message"], [])
    assert operated.deploy("queries", saved_query("limit 5"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert operated.child("queries", "Query") == name
    assert texts("trial/latest") == ["limit 5"]
    operated.delete("queries")
    assert texts("trial") == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_query_definition(queryDefinitionId=name)

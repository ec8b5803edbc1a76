"""The edge deploys, changes and goes, and what the services answer is what its template says."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from edges import Edge, edge
from roles import EVERYTHING, make_role, service

from generator.rehearsal.emulator import Emulator

REDACTED = [{"SingleHeader": {"Name": "authorization"}}, {"SingleHeader": {"Name": "cookie"}}]


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> Edge:
    found = edge(emulator, "types")
    stack = found.deploy()
    assert stack["StackStatus"] == "CREATE_COMPLETE", found.account.failures("types")
    return found


def test_the_edge_is_created_updated_and_deleted(emulator: Emulator) -> None:
    found = edge(emulator, "life", "life.example.org")
    assert found.deploy()["StackStatus"] == "CREATE_COMPLETE", found.account.failures("life")
    before = found.outputs
    changes = {
        "PriceClass_100": "PriceClass_200",
        "Limit: 2000": "Limit: 500",
        "Value: max-age=1}": "Value: max-age=2}",
    }
    changed = found.template
    for old, new in changes.items():
        changed = changed.replace(old, new)
    assert found.deploy("UPDATE", changed, KeptPages="60")["StackStatus"] == "UPDATE_COMPLETE"
    assert found.outputs == before
    config = _distribution(found)
    assert config["PriceClass"] == "PriceClass_200"
    pages = found.client("cloudfront").get_cache_policy(Id=config["DefaultCacheBehavior"]["CachePolicyId"])
    assert pages["CachePolicy"]["CachePolicyConfig"]["DefaultTTL"] == 60
    acl = found.client("wafv2").get_web_acl_for_resource(ResourceArn=found.outputs["LoadBalancerArn"])["WebACL"]
    assert acl["Rules"][0]["Statement"]["RateBasedStatement"]["Limit"] == 500
    assert _attributes(found)["routing.http.response.strict_transport_security.header_value"] == "max-age=2"
    assert found.account.delete("life")["StackStatus"] == "DELETE_COMPLETE", found.account.failures("life")
    assert found.client("cloudfront").list_distributions()["DistributionList"]["Quantity"] == 0
    assert found.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"] == []
    zone = found.client("route53").list_resource_record_sets(HostedZoneId=found.parameters["Zone"])
    assert {record["Type"] for record in zone["ResourceRecordSets"]} == {"NS", "SOA"}


def _distribution(found: Edge) -> dict[str, object]:
    answer = found.client("cloudfront").get_distribution(Id=found.outputs["DistributionId"])
    config: dict[str, object] = answer["Distribution"]["DistributionConfig"]
    return config


def _attributes(found: Edge) -> dict[str, str]:
    answer = found.client("elbv2").describe_listener_attributes(ListenerArn=found.outputs["HttpsListener"])
    return {each["Key"]: each["Value"] for each in answer["Attributes"]}


def test_a_stack_may_drop_its_web_acl_and_take_it_back(emulator: Emulator) -> None:
    found = edge(emulator, "without")
    found.deploy()
    lines = found.template.splitlines(keepends=True)
    without = "".join(line for line in lines if "WebACLId" not in line)
    assert found.deploy("UPDATE", without)["StackStatus"] == "UPDATE_COMPLETE", found.account.failures("without")
    assert _distribution(found).get("WebACLId", "") == ""
    assert found.deploy("UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert str(_distribution(found)["WebACLId"]).startswith("arn:aws:wafv2:us-east-1:")


def test_buckets_are_as_their_templates_say(deployed: Edge) -> None:
    s3, website, logs = deployed.client("s3"), deployed.outputs["Website"], deployed.outputs["LogBucketName"]
    ownership = s3.get_bucket_ownership_controls(Bucket=logs)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    logging = s3.get_bucket_logging(Bucket=website)["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == (logs, "s3/")
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=website)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=website)["TagSet"]}
    assert (tags["Name"], tags["project"]) == ("site", "trial")
    encryption = s3.get_bucket_encryption(Bucket=website)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_what_a_template_drops_a_bucket_loses(emulator: Emulator) -> None:
    found = edge(emulator, "dropping")
    found.deploy()
    lines = found.template.splitlines(keepends=True)
    dropped = ("LoggingConfiguration: {Dest", "LifecycleConfiguration:", "Tags: [{Key: Name, Value: site}]")
    less = "".join(line for line in lines if not line.strip().startswith(dropped))
    assert found.deploy("UPDATE", less)["StackStatus"] == "UPDATE_COMPLETE", found.account.failures("dropping")
    s3, website = found.client("s3"), found.outputs["Website"]
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=website)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=website)
    assert "Name" not in {tag["Key"] for tag in s3.get_bucket_tagging(Bucket=website)["TagSet"]}


def test_references_are_those_of_aws(deployed: Edge) -> None:
    outputs = deployed.outputs
    assert outputs["PolicyReference"] == outputs["Website"]
    account_id = deployed.account.account_id
    assert outputs["FunctionReference"] == f"arn:aws:cloudfront::{account_id}:function/types-routes"
    assert outputs["WebAcl"].split("|")[2] == "REGIONAL"
    assert outputs["ProtectionReference"].startswith(f"arn:aws:shield::{account_id}:protection/")


def test_a_generated_secret_has_the_wanted_characters_and_is_what_the_rule_asks_for(deployed: Edge) -> None:
    value = deployed.client("secretsmanager").get_secret_value(SecretId=deployed.outputs["SecretArn"])["SecretString"]
    assert len(value) == 48
    assert value.isalnum()
    [rule] = deployed.client("elbv2").describe_rules(RuleArns=[deployed.outputs["ForwardingRule"]])["Rules"]
    assert rule["Conditions"][0]["HttpHeaderConfig"] == {"HttpHeaderName": "X-Origin-Verify", "Values": [value]}


def test_listeners_have_attributes_and_rules_have_tags(deployed: Edge) -> None:
    elb = deployed.client("elbv2")
    assert _attributes(deployed) == {
        "routing.http.response.strict_transport_security.header_value": "max-age=1",
        "routing.http.response.server.enabled": "false",
    }
    described = elb.describe_tags(ResourceArns=[deployed.outputs["ForwardingRule"]])["TagDescriptions"]
    assert {"Key": "project", "Value": "trial"} in described[0]["Tags"]


def test_a_web_acl_logs_without_what_is_redacted(deployed: Edge) -> None:
    waf = deployed.client("wafv2")
    logging = waf.get_logging_configuration(ResourceArn=deployed.outputs["WebAclArn"])["LoggingConfiguration"]
    assert logging["RedactedFields"] == REDACTED
    assert [arn.rpartition(":")[2] for arn in logging["LogDestinationConfigs"]] == ["aws-waf-logs-types"]
    linked = waf.list_resources_for_web_acl(WebACLArn=deployed.outputs["WebAclArn"])["ResourceArns"]
    assert linked == [deployed.outputs["LoadBalancerArn"]]
    tags = waf.list_tags_for_resource(ResourceARN=deployed.outputs["WebAclArn"])["TagInfoForResource"]["TagList"]
    assert {"Key": "project", "Value": "trial"} in tags


def test_a_rule_names_cloudfronts_prefix_list(deployed: Edge) -> None:
    ec2 = deployed.client("ec2")
    [group] = ec2.describe_security_groups(GroupIds=[deployed.outputs["Group"]])["SecurityGroups"]
    [rule] = group["IpPermissions"]
    [named] = rule["PrefixListIds"]
    assert (rule["FromPort"], named["Description"]) == (443, "CloudFront")
    [found] = ec2.describe_managed_prefix_lists(PrefixListIds=[named["PrefixListId"]])["PrefixLists"]
    assert found["PrefixListName"] == "com.amazonaws.global.cloudfront.origin-facing"


def test_a_rule_for_a_prefix_list_of_another_region_is_refused(emulator: Emulator) -> None:
    found = edge(emulator, "elsewhere")
    stack = found.deploy(template=found.template.replace("pl-4fa04526", "pl-3b927c52"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "The prefix list ID 'pl-3b927c52' does not exist" in found.account.failures("elsewhere")


def test_the_same_edge_stands_in_two_accounts(emulator: Emulator, deployed: Edge) -> None:
    other = edge(emulator, "types")
    assert other.deploy()["StackStatus"] == "CREATE_COMPLETE", other.account.failures("types")
    for found in (deployed, other):
        items = found.client("cloudfront").list_distributions()["DistributionList"]["Items"]
        assert [each["Id"] for each in items] == [found.outputs["DistributionId"]]
        globally = found.client("wafv2", "us-east-1").list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
        assert [each["ARN"].split(":")[4] for each in globally] == [found.account.account_id]


FORBIDDEN = {
    "cloudfront:CreateDistribution": "Distribution",
    "s3:PutBucketAcl": "Distribution",
    "wafv2:GetWebACL": "Distribution",
    "cloudfront:PublishFunction": "Routes",
    "wafv2:PutLoggingConfiguration": "AclLogging",
    "wafv2:AssociateWebACL": "AclLink",
    "elasticloadbalancing:SetWebACL": "AclLink",
    "shield:CreateProtection": "Protection",
}


@pytest.mark.parametrize("action", FORBIDDEN)
def test_the_edge_is_made_with_the_rights_of_the_stacks_role(emulator: Emulator, action: str) -> None:
    found = edge(emulator, "limited")
    # Of web ACLs, the distribution's alone: ours is read again after it is made.
    resource = "arn:aws:wafv2:us-east-1:*" if action == "wafv2:GetWebACL" else "*"
    but_one = {"Effect": "Deny", "Action": action, "Resource": resource}
    role = make_role(found.client("iam"), "limited", service("cloudformation"), [*EVERYTHING, but_one])
    stack = found.account.deploy("limited", found.template, role_arn=role, **found.parameters)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failures = found.account.failures("limited")
    assert failures.startswith(f"{FORBIDDEN[action]}: User: ")
    assert f"is not authorized to perform: {action} on resource: " in failures

"""What CloudFront and WAF refuse, the emulator refuses, in words that lead to the mistake."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from edges import GLOBAL, Edge, certificate, edge

from generator.rehearsal.emulator import Emulator

DOMAIN = "refusing.example.com"


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> Edge:
    found = edge(emulator, "refusing", DOMAIN)
    assert found.deploy()["StackStatus"] == "CREATE_COMPLETE", found.account.failures("refusing")
    return found


MISTAKES = {
    "an origin that is not there": ("TargetOriginId: website", "TargetOriginId: site", "NoSuchOrigin: .* id site"),
    "a cache policy that is not there": (
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "11111111-2222-3333-4444-555555555555",
        "No such CachePolicy: 11111111",
    ),
    "a function that is not published": (
        "FunctionARN: !GetAtt Routes.FunctionARN",
        'FunctionARN: !Sub "arn:aws:cloudfront::${AWS::AccountId}:function/other"',
        "function/other is not published",
    ),
    "an access control that is not there": (
        "OriginAccessControlId: !GetAtt Oac.Id",
        "OriginAccessControlId: E000000000000",
        "NoSuchOriginAccessControl: E000000000000",
    ),
    "a domain without a certificate": (
        "ViewerCertificate: !If\n          - HasDomain\n",
        "ViewerCertificate: !If\n          - HasNothing\n",
        "InvalidViewerCertificate: to add an alternate domain name",
    ),
    "a web ACL of the region": (
        'WebACLId: !Sub "{{resolve:ssm:${WebAclParameter}}}"',
        "WebACLId: !GetAtt Acl.Arn",
        "InvalidWebACLId: arn:aws:wafv2:eu-west-1:.* for CloudFront, in us-east-1",
    ),
    "a bucket that does not exist": (
        "Logging: {Bucket: !GetAtt LogBucket.DomainName",
        "Logging: {Bucket: nowhere.s3.amazonaws.com",
        "the S3 bucket nowhere.s3.amazonaws.com for CloudFront logs doesn't exist",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_distribution_with_a_mistake_is_refused(deployed: Edge, mistake: str) -> None:
    right, wrong, words = MISTAKES[mistake]
    assert right in deployed.template
    never = '\nConditions:\n  HasNothing: !Equals ["", "x"]\n'
    template = deployed.template.replace(right, wrong).replace("\nConditions:\n", never)
    stack = deployed.account.deploy("refusing", template, "UPDATE", **deployed.parameters)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(deployed.account.failures("refusing"))


def test_a_bucket_without_acls_takes_no_logs(emulator: Emulator) -> None:
    found = edge(emulator, "no-acls")
    stack = found.deploy(template=found.template.replace("BucketOwnerPreferred", "BucketOwnerEnforced"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "does not enable ACL access" in found.account.failures("no-acls")


def test_a_certificate_of_another_region_or_name_is_refused(deployed: Edge) -> None:
    for region, name, words in (
        ("eu-west-1", DOMAIN, "isn't in us-east-1"),
        (GLOBAL, "www.example.com", f"doesn't cover the alternate domain name {DOMAIN}"),
    ):
        deployed.client("ssm").put_parameter(
            Name="/edge/other-certificate", Value=certificate(deployed, name, region), Type="String", Overwrite=True
        )
        changed = deployed.parameters | {"CertificateParameter": "/edge/other-certificate"}
        stack = deployed.account.deploy("refusing", deployed.template, "UPDATE", **changed)
        assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert words in deployed.account.failures("refusing")


def test_an_alias_belongs_to_one_distribution_of_all_accounts(emulator: Emulator, deployed: Edge) -> None:
    other = edge(emulator, "second", DOMAIN)
    assert other.deploy()["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"CNAMEAlreadyExists: {DOMAIN}" in other.account.failures("second")


def test_a_wildcard_certificate_covers_the_names_of_one_level(emulator: Emulator) -> None:
    found = edge(emulator, "wildcard", "wild.example.net")
    found.client("ssm").put_parameter(
        Name="/edge/certificate-arn", Value=certificate(found, "*.example.net"), Type="String", Overwrite=True
    )
    assert found.deploy()["StackStatus"] == "CREATE_COMPLETE", found.account.failures("wildcard")


def test_what_a_template_leaves_open_has_cloudfronts_defaults(deployed: Edge) -> None:
    cloudfront, distribution_id = deployed.client("cloudfront"), deployed.outputs["DistributionId"]
    found = cloudfront.get_distribution_config(Id=distribution_id)
    [application] = [each for each in found["DistributionConfig"]["Origins"]["Items"] if each["Id"] == "app"]
    custom = application["CustomOriginConfig"]
    assert (custom["HTTPPort"], custom["HTTPSPort"], custom["OriginReadTimeout"]) == (80, 443, 30)
    # What is read can be written back, as on AWS.
    cloudfront.update_distribution(
        Id=distribution_id, IfMatch=found["ETag"], DistributionConfig=found["DistributionConfig"]
    )


# ---------------------------------------------------------------------------------------------------------------------
# WAF
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    ["log-group:waf-logs", "log-group:aws-waf-logs-nowhere", "log-group:${AclLog}:*"],
    ids=["another name", "a group that is not there", "an ARN of streams"],
)
def test_a_log_group_that_waf_does_not_take_is_refused(deployed: Edge, wrong: str) -> None:
    template = deployed.template.replace("log-group:${AclLog}", wrong)
    stack = deployed.account.deploy("refusing", template, "UPDATE", **deployed.parameters)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "no log group of eu-west-1 whose name begins with aws-waf-logs-" in deployed.account.failures("refusing")


def test_the_scope_of_cloudfront_is_for_one_region(deployed: Edge) -> None:
    with pytest.raises(ClientError, match="The scope CLOUDFRONT is for us-east-1 alone"):
        deployed.client("wafv2").list_web_acls(Scope="CLOUDFRONT")
    acl = "Resources:\n  {Acl: {Type: AWS::WAFv2::WebACL, Properties: {Scope: CLOUDFRONT, DefaultAction: {Allow: {}}, "
    acl += "VisibilityConfig: {CloudWatchMetricsEnabled: true, MetricName: m, SampledRequestsEnabled: false}}}}"
    assert deployed.account.deploy("misplaced", acl)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "The scope CLOUDFRONT is for us-east-1 alone" in deployed.account.failures("misplaced")


def test_a_resource_without_a_web_acl_has_none(deployed: Edge) -> None:
    answer = deployed.client("wafv2").get_web_acl_for_resource(ResourceArn=deployed.outputs["HttpsListener"])
    assert "WebACL" not in answer


def test_a_web_acl_without_logging_has_no_configuration(deployed: Edge) -> None:
    waf = deployed.client("wafv2", GLOBAL)
    [acl] = waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        waf.get_logging_configuration(ResourceArn=acl["ARN"])


def test_a_web_acl_in_use_is_not_deleted(emulator: Emulator) -> None:
    found = edge(emulator, "in-use")
    found.deploy()
    # Who associates it by hand keeps CloudFormation from deleting it.
    found.client("wafv2").associate_web_acl(
        WebACLArn=found.outputs["WebAclArn"], ResourceArn=found.outputs["LoadBalancerArn"] + "0"
    )
    assert found.account.delete("in-use")["StackStatus"] == "DELETE_FAILED"
    assert "WAFAssociatedItemException" in found.account.failures("in-use")

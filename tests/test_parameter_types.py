"""Parameter types: what they let in, what they tell CloudFormation, and what they do inside a template."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from ipaddress import IPv4Network
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import GetAtt, Parameter, Ref, Template

from generator import parameter_types
from generator.environment import Environment
from generator.parameter_types import (
    AccessMode,
    AccountId,
    ApproverArns,
    ArchiveKey,
    AvailabilityZone,
    BranchName,
    CertificateArn,
    CpuPercent,
    DatabaseInstanceClass,
    DatabaseStorage,
    DistributionId,
    DomainName,
    EmailAddress,
    EnvironmentName,
    FederatedSubject,
    HostedZoneId,
    InstanceType,
    KeyArn,
    KeyPrefix,
    LoadBalancerAccess,
    OperatorCidr,
    OptionalAvailabilityZone,
    OriginSecretArn,
    ParameterType,
    ParameterTypeList,
    RegionNames,
    RepositoryName,
    ResponsePlanArn,
    ServerMaximum,
    ServerMinimum,
    SourceProvider,
    SubnetIds,
    TargetProtocol,
    Toggle,
    Url,
    VpcCidr,
    VpcId,
    VpnCidr,
    VpnGatewayAddress,
    WebAclArn,
    parameter,
)

PRIVATE = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
ALL_TYPES = [
    kind
    for _, kind in inspect.getmembers(parameter_types, inspect.isclass)
    if issubclass(kind, ParameterType) and kind not in (ParameterType, ParameterTypeList)
]
NETWORKS = st.builds(
    lambda address, prefix: IPv4Network((address, prefix), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)
)


def accepts(kind: type[ParameterType], text: str) -> bool:
    try:
        kind.parse(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Toggle, "true"),
        (EnvironmentName, "dev"),
        (EnvironmentName, "a234567890123456"),
        (AccountId, "012345678901"),
        (RepositoryName, ""),
        (RepositoryName, "my-team/my_shop.web"),
        (RepositoryName, "group/subgroup/shop"),
        (SourceProvider, "GitLab"),
        (BranchName, "release/1.x"),
        (EmailAddress, ""),
        (EmailAddress, "team+web@example.com"),
        (VpcCidr, "10.10.0.0/16"),
        (VpcCidr, "172.31.0.0/16"),
        (VpcCidr, "192.168.0.0/16"),
        (OperatorCidr, "203.0.113.7/32"),
        (OperatorCidr, "11.0.0.0/8"),
        (VpnCidr, ""),
        (VpnCidr, "172.20.0.0/16"),
        (VpnGatewayAddress, ""),
        (VpnGatewayAddress, "198.51.100.10"),
        (FederatedSubject, ""),
        (FederatedSubject, "repo:my-team/my-shop:ref:refs/heads/main"),
        (FederatedSubject, "repo:my-team/my.shop_2:ref:refs/tags/v1.0/rc-1"),
        (FederatedSubject, "repo:my-team/my-shop:environment:prod"),
        (ApproverArns, ""),
        (ApproverArns, "arn:aws:iam::111122223333:root"),
        (ApproverArns, "arn:aws-cn:iam::111122223333:user/people/alice,arn:aws-cn:iam::111122223334:user/bob"),
        (RegionNames, ""),
        (RegionNames, "us-east-1,ap-southeast-2"),
        (AvailabilityZone, "eu-west-1a"),
        (AvailabilityZone, "us-gov-east-1b"),
        (OptionalAvailabilityZone, ""),
        (OptionalAvailabilityZone, "eu-west-1c"),
        (AccessMode, "none"),
        (TargetProtocol, "HTTP"),
        (LoadBalancerAccess, "cloudfront"),
        (DistributionId, "E2QWRUHAPOMQZL"),
        (OriginSecretArn, "none"),
        (OriginSecretArn, "arn:aws:secretsmanager:eu-west-1:012345678901:secret:OriginSecret-AbCdEf"),
        (WebAclArn, "none"),
        (WebAclArn, "arn:aws:wafv2:us-east-1:012345678901:global/webacl/WebAcl-1/01234567"),
        (CertificateArn, "none"),
        (CertificateArn, "arn:aws-us-gov:acm:us-gov-west-1:012345678901:certificate/01234567"),
        (DomainName, ""),
        (DomainName, "www.example.com"),
        (HostedZoneId, ""),
        (HostedZoneId, "Z0123456789ABC"),
        (InstanceType, "t3.micro"),
        (InstanceType, "m6i.large"),
        (DatabaseInstanceClass, "db.t3.micro"),
        (DatabaseInstanceClass, "db.r7g.4xlarge"),
        (ResponsePlanArn, "none"),
        (ResponsePlanArn, "arn:aws:ssm-incidents::012345678901:response-plan/web-platform-prod"),
        (DatabaseStorage, "20"),
        (DatabaseStorage, "1000"),
        (ServerMinimum, "1"),
        (ServerMaximum, "3"),
        (CpuPercent, "95"),
        (ArchiveKey, ""),
        (ArchiveKey, "shop/1.4.2.tar.gz"),
        (KeyPrefix, "web-platform/v1.1.0/"),
        (Url, "https://example.com/"),
    ],
)
def test_parse_returns_the_text_as_a_typed_literal(kind: type[ParameterType], text: str) -> None:
    value = kind.parse(text)
    assert type(value) is kind
    assert value.literal == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Toggle, "True"),
        (Toggle, ""),
        (EnvironmentName, "Dev"),
        (EnvironmentName, "d"),
        (EnvironmentName, "1dev"),
        (EnvironmentName, "a2345678901234567"),
        (EnvironmentName, "dev\n"),
        (AccountId, ""),
        (AccountId, "12345678901"),
        (AccountId, "1234-5678-9012"),
        (RepositoryName, "shop"),
        (RepositoryName, "https://github.com/my-team/my-shop"),
        (SourceProvider, "CodeCommit"),
        (BranchName, ""),
        (BranchName, "*"),
        (EmailAddress, "team"),
        (EmailAddress, "team@example.com, other@example.com"),
        (VpcCidr, "10.10.0.0/20"),
        (VpcCidr, "10.10.1.0/16"),
        (VpcCidr, "172.32.0.0/16"),
        (VpcCidr, "192.169.0.0/16"),
        (VpcCidr, "8.8.0.0/16"),
        (LoadBalancerAccess, ""),
        (LoadBalancerAccess, "everybody"),
        (DistributionId, "d1.cloudfront.net"),
        (OriginSecretArn, ""),
        (OriginSecretArn, "X-Origin-Verify"),
        (WebAclArn, "arn:aws:waf::012345678901:webacl/1"),
        (CertificateArn, "arn:aws:iam::012345678901:server-certificate/shop"),
        (OperatorCidr, "0.0.0.0/0"),
        (OperatorCidr, "0.0.0.0/1"),
        (OperatorCidr, "128.0.0.0/7"),
        (OperatorCidr, "203.0.113.0"),
        (OperatorCidr, "203.0.113.0/33"),
        (OperatorCidr, "::/0"),
        (VpnCidr, "0.0.0.0/0"),
        (VpnCidr, "0.0.0.0/1"),
        (VpnCidr, "172.20.0.0"),
        (VpnGatewayAddress, "vpn.example.com"),
        (VpnGatewayAddress, "198.51.100.10/32"),
        (FederatedSubject, "*"),
        (FederatedSubject, "repo:*"),
        (FederatedSubject, "repo:my-team/*:ref:refs/heads/main"),
        (FederatedSubject, "repo:my-team/my-shop:*"),
        (FederatedSubject, "repo:my-team/my-shop:ref:refs/heads/*"),
        (FederatedSubject, "repo:my-team/my-shop:ref:refs/heads/mai?"),
        (FederatedSubject, "repo:my-team/my-shop:pull_request"),
        (FederatedSubject, "repo:my-team/my-shop"),
        (ApproverArns, "*"),
        (ApproverArns, "111122223333"),
        (ApproverArns, "arn:aws:iam::*:root"),
        (ApproverArns, "arn:aws:iam::111122223333:user/*"),
        (ApproverArns, "arn:aws:iam::111122223333:group/leads"),
        (ApproverArns, "arn:aws:iam::111122223333:role/leads"),
        (ApproverArns, "arn:aws:sts::111122223333:assumed-role/leads/alice"),
        (ApproverArns, "arn:aws:iam::111122223333:root, arn:aws:iam::111122223333:user/alice"),
        (RegionNames, "us-east-1,"),
        (RegionNames, "us-east-1, ap-southeast-2"),
        (RegionNames, "*"),
        (AvailabilityZone, ""),
        (AvailabilityZone, "eu-west-1"),
        (AvailabilityZone, "euw1-az1"),
        (AccessMode, "ssh,ssm"),
        (TargetProtocol, "https"),
        (DomainName, "example"),
        (DomainName, "*.example.com"),
        (DomainName, "https://example.com"),
        (HostedZoneId, "/hostedzone/Z0123456789ABC"),
        (InstanceType, "t4g.micro"),
        (InstanceType, "m6g.large"),
        (DatabaseStorage, "19"),
        (DatabaseStorage, "1001"),
        (DatabaseStorage, "20.5"),
        (DatabaseStorage, "-20"),
        (DatabaseInstanceClass, "db.t3.4xlarge"),
        (DatabaseInstanceClass, "db.x2g.large"),
        (DatabaseInstanceClass, "db-t3-micro"),
        (ResponsePlanArn, ""),
        (DatabaseStorage, "²0"),
        (ServerMinimum, "0"),
        (ServerMinimum, "3"),
        (ServerMaximum, "4"),
        (ServerMaximum, "1"),
        (CpuPercent, "100"),
        (CpuPercent, "80%"),
        (ArchiveKey, "shop.zip"),
        (ArchiveKey, "/shop.tar.gz"),
        (ArchiveKey, "shop'.tar.gz"),
        (KeyPrefix, "web-platform/v1.1.0"),
        (KeyPrefix, ""),
        (Url, "http://example.com/"),
    ],
)
def test_parse_refuses_and_says_what_is_allowed(kind: type[ParameterType], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(kind.allowed)):
        kind.parse(text)


@given(NETWORKS)
def test_vpc_is_a_private_sixteen_whatever_the_address(network: IPv4Network) -> None:
    expected = network.prefixlen == 16 and any(network.subnet_of(block) for block in PRIVATE)
    assert accepts(VpcCidr, str(network)) == expected


@given(st.integers(0, 255), st.sampled_from(["10.{}.0.0/16", "172.{}.0.0/16"]))
def test_vpc_pattern_knows_every_private_sixteen(second: int, form: str) -> None:
    network = IPv4Network(form.format(second))
    assert accepts(VpcCidr, str(network)) == any(network.subnet_of(block) for block in PRIVATE)


@given(NETWORKS)
def test_e5_operators_never_come_from_more_than_an_eighth_prefix(network: IPv4Network) -> None:
    assert accepts(OperatorCidr, str(network)) == (network.prefixlen >= 8)


@given(st.text())
def test_w8_maximum_is_2_or_3_and_nothing_else(text: str) -> None:
    assert accepts(ServerMaximum, text) == (text in ("2", "3"))


def test_digits_are_those_of_cloudformation() -> None:
    """In Python a digit is one of any script, in CloudFormation one of ASCII."""
    assert not accepts(AvailabilityZone, "eu-west-\N{ARABIC-INDIC DIGIT ONE}a")


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_constraints_are_accepted_by_cloudformations_parameter(kind: type[ParameterType]) -> None:
    declared = Parameter("Some", Type=kind.cloudformation_type, Description="Some.", **kind.constraints())
    assert Template().add_parameter(declared).to_dict()["Type"] == kind.cloudformation_type


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_a_constraint_has_words_for_it(kind: type[ParameterType]) -> None:
    constraints = kind.constraints()
    assert bool(constraints) == ("ConstraintDescription" in constraints or "AllowedValues" in constraints)
    assert not constraints or kind.allowed.endswith(".")
    assert kind.__doc__


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_number_is_bounded_on_both_sides(kind: type[ParameterType]) -> None:
    assert (kind.cloudformation_type == "Number") == (kind.minimum is not None) == (kind.maximum is not None)


def test_constraints_leave_out_what_is_not_bounded() -> None:
    assert VpcId.constraints() == {}
    assert ServerMaximum.constraints().keys() == {"MinValue", "MaxValue", "ConstraintDescription"}
    assert Toggle.constraints() == {"AllowedValues": ["true", "false"]}


@pytest.mark.parametrize("setting", fields(Environment), ids=lambda setting: setting.name)
def test_defaults_are_strings_that_their_own_type_accepts(setting: object) -> None:
    """A default that is an integer makes taskcat ignore overrides; one that is refused could never be deployed."""
    default = setting.metadata["default"]  # type: ignore[attr-defined]
    kind = get_type_hints(Environment)[setting.name]  # type: ignore[attr-defined]
    assert default is None or (isinstance(default, str) and accepts(kind, default))


def test_parameter_declares_description_and_default() -> None:
    declared = parameter("Some.", default="20")
    assert dict(declared.metadata) == {"description": "Some.", "default": "20"}


def test_reference_goes_straight_into_a_property() -> None:
    assert VpcId(Ref("Vpc")).to_dict() == {"Ref": "Vpc"}
    assert KeyArn(GetAtt("Key", "Arn")).to_dict() == {"Fn::GetAtt": ["Key", "Arn"]}


def test_reference_has_no_literal() -> None:
    with pytest.raises(TypeError, match="VpcId holds a reference"):
        _ = VpcId(Ref("Vpc")).literal


def test_list_travels_as_one_string_and_is_read_item_by_item() -> None:
    assert SubnetIds.of(Ref("A"), Ref("B")).to_dict() == {"Fn::Join": [",", [{"Ref": "A"}, {"Ref": "B"}]]}
    assert SubnetIds(Ref("Ids")).item(1).to_dict() == {"Fn::Select": ["1", {"Ref": "Ids"}]}

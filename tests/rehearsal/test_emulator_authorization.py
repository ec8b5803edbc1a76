"""IAM is enforced in the emulator: on calls, on what calls entail, and on what CloudFormation does for a stack."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import DEVELOPMENT, PRODUCTION, REGION, Account

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import Session, assumed_by_service
from tests.rehearsal.roles import EVERYTHING, account, allow, document, make_role, service

CODEBUILD = "codebuild.amazonaws.com"
PROJECT_ARN = f"arn:aws:codebuild:{REGION}:{DEVELOPMENT}:project/trial"
OF_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": DEVELOPMENT}}


@pytest.fixture
def iam(development: Account) -> Any:
    return development.client("iam")


def role_arn(name: str, account_id: str = DEVELOPMENT) -> str:
    return f"arn:aws:iam::{account_id}:role/{name}"


def session(emulator: Emulator, role: str, as_service: str = CODEBUILD, source: str = PROJECT_ARN) -> Session:
    return assumed_by_service(emulator, role, REGION, as_service, source, "trial")


# ---------------------------------------------------------------------------------------------------------------------
# Who assumes what
# ---------------------------------------------------------------------------------------------------------------------


def test_a_service_assumes_a_role_that_trusts_it(emulator: Emulator, iam: Any) -> None:
    role = make_role(iam, "authorization-build", service("codebuild"), EVERYTHING)
    who = session(emulator, role).client("sts").get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{DEVELOPMENT}:assumed-role/authorization-build/trial"


@pytest.mark.parametrize("trusted", [service("codepipeline"), account(PRODUCTION)])
def test_a_service_assumes_no_role_that_trusts_another(emulator: Emulator, iam: Any, trusted: dict[str, str]) -> None:
    role = make_role(iam, "authorization-other", trusted, EVERYTHING)
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        session(emulator, role)


def test_a_person_is_no_service(emulator: Emulator, iam: Any) -> None:
    role = make_role(iam, "authorization-build", service("codebuild"), EVERYTHING)
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        emulator.client_of_role("sts", role, DEVELOPMENT, REGION)


@pytest.mark.parametrize(("condition", "trusted"), [(OF_THIS_ACCOUNT, True), ({"Bool": {"a:b": "true"}}, False)])
def test_the_conditions_of_a_trust_policy_count(
    emulator: Emulator, iam: Any, condition: dict[str, Any], trusted: bool
) -> None:
    role = make_role(iam, "authorization-condition", service("codebuild"), EVERYTHING)
    statement = {"Effect": "Allow", "Principal": service("codebuild"), "Action": "sts:AssumeRole"}
    policy = document({**statement, "Condition": condition})
    iam.update_assume_role_policy(RoleName="authorization-condition", PolicyDocument=policy)
    if trusted:
        session(emulator, role)
    else:
        with pytest.raises(ClientError, match="sts:AssumeRole"):
            session(emulator, role)


def test_a_role_of_another_account_is_assumed_by_the_role_that_it_names(
    emulator: Emulator, iam: Any, production: Account
) -> None:
    first = make_role(iam, "authorization-first", service("codebuild"), EVERYTHING)
    other = make_role(iam, "authorization-second", service("codebuild"), EVERYTHING)
    target = make_role(production.client("iam"), "authorization-target", account(DEVELOPMENT), EVERYTHING)
    trust = {
        "Effect": "Allow",
        "Principal": account(DEVELOPMENT),
        "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": first}},
    }
    production.client("iam").update_assume_role_policy(RoleName="authorization-target", PolicyDocument=document(trust))
    assert session(emulator, first).assume(target, "trial").account_id == PRODUCTION
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        session(emulator, other).assume(target, "trial")


# ---------------------------------------------------------------------------------------------------------------------
# Calls
# ---------------------------------------------------------------------------------------------------------------------


def test_a_call_that_no_policy_allows_is_refused_in_aws_s_words(emulator: Emulator, iam: Any) -> None:
    role = make_role(iam, "authorization-reader", service("codebuild"), [allow("s3:GetObject", "arn:aws:s3:::one/*")])
    with pytest.raises(ClientError) as refused:
        session(emulator, role).client("s3").get_object(Bucket=f"templates-{DEVELOPMENT}", Key="k")
    who = f"arn:aws:sts::{DEVELOPMENT}:assumed-role/authorization-reader/trial"
    assert refused.value.response["Error"]["Message"] == (
        f"User: {who} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::templates-{DEVELOPMENT}/k "
        "because no identity-based policy allows the s3:GetObject action"
    )


def test_a_permissions_boundary_limits_what_a_role_may(emulator: Emulator, iam: Any) -> None:
    policy = iam.create_policy(PolicyName="authorization-boundary", PolicyDocument=document(allow("ssm:*")))
    boundary = policy["Policy"]["Arn"]
    role = make_role(iam, "authorization-bounded", service("codebuild"), EVERYTHING, boundary)
    bounded = session(emulator, role)
    assert bounded.client("ssm").describe_parameters() is not None
    with pytest.raises(ClientError, match="because no permissions boundary allows the sqs:ListQueues action"):
        bounded.client("sqs").list_queues()
    assert not bounded.may("codepipeline:StartPipelineExecution", "*")
    assert bounded.may("ssm:PutParameter", "*")


def test_encrypted_objects_ask_for_the_key(emulator: Emulator, iam: Any, development: Account) -> None:
    key = development.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3 = development.client("s3")
    s3.create_bucket(Bucket="authorization-keys", CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="authorization-keys", ServerSideEncryptionConfiguration={"Rules": [rule]})
    objects = allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::authorization-keys/*")
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    role = make_role(iam, "authorization-keys", service("codebuild"), [objects])
    client = session(emulator, role).client("s3")
    with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:"):
        client.put_object(Bucket="authorization-keys", Key="k", Body=b"")
    make_role(
        iam, "authorization-keys", service("codebuild"), [objects, allow("kms:GenerateDataKey", key, **through_s3)]
    )
    client.put_object(Bucket="authorization-keys", Key="k", Body=b"")
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt"):
        client.get_object(Bucket="authorization-keys", Key="k")


def test_the_key_s_policy_counts_also_in_another_account(
    emulator: Emulator, iam: Any, development: Account, production: Account
) -> None:
    kms, s3 = production.client("kms"), production.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    bucket = "authorization-keys-of-another"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"text")
    reader = {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), "Principal": account(DEVELOPMENT)}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(reader))
    role = make_role(iam, "authorization-keys-reader", service("codebuild"), EVERYTHING)
    client = session(emulator, role).client("s3")
    with pytest.raises(ClientError, match="because no resource-based policy allows the kms:Decrypt action"):
        client.get_object(Bucket=bucket, Key="k")
    decrypting = {**allow("kms:Decrypt"), "Principal": account(DEVELOPMENT)}
    owner = {**allow("kms:*"), "Principal": account(PRODUCTION)}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(owner, decrypting))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"text"


# ---------------------------------------------------------------------------------------------------------------------
# CloudFormation
# ---------------------------------------------------------------------------------------------------------------------

NETWORK = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16, Tags: [{Key: Name, Value: trial}]}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
"""
CLOUDFORMATION = service("cloudformation")
MAKING_NETWORKS = [
    allow("ec2:Describe*"),
    allow(["ec2:*Vpc*", "ec2:*Subnet*", "ec2:CreateTags", "ec2:DeleteTags"], f"arn:aws:ec2:{REGION}:{DEVELOPMENT}:*"),
]


@pytest.fixture
def stack(development: Account, request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", f"authorization-{request.node.name}")[:100].strip("-")


def deploy(
    development: Account, stack: str, template: str, role: str = "", client: Any = None, kind: str = "CREATE"
) -> str:
    """Deploy and return the stack's status."""
    cloudformation = client or development.client("cloudformation")
    given: dict[str, Any] = {"RoleARN": role} if role else {}
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"{stack}-{kind}",
        ChangeSetType=kind,
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "Project", "Value": "trial"}],
        **given,
    )
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    return str(development.settled(made["StackId"])["StackStatus"])


def test_a_stack_is_made_with_what_its_role_may_do(development: Account, iam: Any, stack: str) -> None:
    role = make_role(iam, "authorization-networks", CLOUDFORMATION, MAKING_NETWORKS)
    assert deploy(development, stack, NETWORK, role) == "CREATE_COMPLETE"
    described = development.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    assert described["RoleARN"] == role


def test_what_the_role_may_not_make_fails_and_is_undone(development: Account, iam: Any, stack: str) -> None:
    denied = {"Effect": "Deny", "Action": "ec2:CreateSubnet", "Resource": "*"}
    role = make_role(iam, "authorization-no-subnets", CLOUDFORMATION, [*MAKING_NETWORKS, denied])
    before = development.client("ec2").describe_vpcs()["Vpcs"]
    assert deploy(development, stack, NETWORK, role) == "ROLLBACK_COMPLETE"
    failure = development.failures(stack)
    who = f"arn:aws:sts::{DEVELOPMENT}:assumed-role/authorization-no-subnets/AWSCloudFormation"
    assert re.search(
        rf"Subnet: User: {who} is not authorized to perform: ec2:CreateSubnet on resource: arn:aws:ec2:{REGION}:"
        rf"{DEVELOPMENT}:subnet/\S+ with an explicit deny in an identity-based policy",
        failure,
    )
    assert development.client("ec2").describe_vpcs()["Vpcs"] == before


def test_a_later_operation_has_the_role_of_the_earlier(development: Account, iam: Any, stack: str) -> None:
    role = make_role(iam, "authorization-later", CLOUDFORMATION, MAKING_NETWORKS)
    deploy(development, stack, NETWORK, role)
    changed = NETWORK.replace("10.0.0.0/16, ", "10.0.0.0/16, EnableDnsHostnames: true, ")
    denied = {"Effect": "Deny", "Action": "ec2:ModifyVpcAttribute", "Resource": "*"}
    make_role(iam, "authorization-later", CLOUDFORMATION, [*MAKING_NETWORKS, denied])
    assert deploy(development, stack, changed, kind="UPDATE") == "UPDATE_ROLLBACK_COMPLETE"
    assert "ec2:ModifyVpcAttribute" in development.failures(stack)
    make_role(iam, "authorization-later", CLOUDFORMATION, [allow("ec2:Describe*")])
    assert development.delete(stack)["StackStatus"] == "DELETE_FAILED"
    make_role(iam, "authorization-later", CLOUDFORMATION, MAKING_NETWORKS)
    assert development.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize("trusted", [service("ec2"), account(DEVELOPMENT)])
def test_a_role_that_does_not_trust_cloudformation_is_refused(
    development: Account, iam: Any, stack: str, trusted: dict[str, str]
) -> None:
    role = make_role(iam, "authorization-distrust", trusted, EVERYTHING)
    for wrong in (role, role_arn("no-such-role")):
        with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
            deploy(development, stack, NETWORK, wrong)


def test_a_role_is_handed_over_by_who_may_pass_it(
    emulator: Emulator, development: Account, iam: Any, stack: str
) -> None:
    role = make_role(iam, "authorization-handed", CLOUDFORMATION, MAKING_NETWORKS)
    changes = allow("cloudformation:*", f"arn:aws:cloudformation:{REGION}:{DEVELOPMENT}:stack/{stack}/*")
    passing = allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "cloudformation.amazonaws.com"})
    elsewhere = allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    maker = make_role(iam, "authorization-maker", service("codebuild"), [changes, elsewhere])
    client = session(emulator, maker).client("cloudformation")
    with pytest.raises(ClientError, match=f"not authorized to perform: iam:PassRole on resource: {role} because no"):
        deploy(development, stack, NETWORK, role, client)
    make_role(iam, "authorization-maker", service("codebuild"), [changes, passing])
    assert deploy(development, stack, NETWORK, role, client) == "CREATE_COMPLETE"


def test_without_a_role_a_stack_is_made_with_what_the_caller_may_do(
    emulator: Emulator, development: Account, iam: Any, stack: str
) -> None:
    maker = make_role(
        iam, "authorization-caller", service("codebuild"), [allow("cloudformation:*"), MAKING_NETWORKS[0]]
    )
    client = session(emulator, maker).client("cloudformation")
    assert deploy(development, stack, NETWORK, client=client) == "ROLLBACK_COMPLETE"
    assert "assumed-role/authorization-caller/trial is not authorized to perform: ec2:" in development.failures(stack)


def test_a_change_set_is_executed_by_who_may(emulator: Emulator, development: Account, iam: Any, stack: str) -> None:
    reading = ["cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:DeleteChangeSet"]
    named = {"StringLike": {"cloudformation:ChangeSetName": "*-review"}}
    role = make_role(iam, "authorization-reviewer", service("codebuild"), [allow(reading, **named)])
    client = session(emulator, role).client("cloudformation")

    def make(name: str) -> str:
        made = client.create_change_set(
            StackName=stack, ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=NETWORK
        )
        return str(made["Id"])

    with pytest.raises(ClientError, match="not authorized to perform: cloudformation:CreateChangeSet"):
        make("promotion")
    change_set = make("for-review")
    assert client.describe_change_set(ChangeSetName=change_set)["Status"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="not authorized to perform: cloudformation:ExecuteChangeSet on resource"):
        client.execute_change_set(ChangeSetName=change_set)
    client.delete_change_set(ChangeSetName=change_set)


ROLES = """
Parameters: {Boundary: {Type: String}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !Ref Boundary
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
  Rights:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: Rights
      Roles: [!Ref Role]
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: s3:GetObject, Resource: "*"}]}
"""


@pytest.mark.parametrize("bounded", [True, False])
def test_roles_are_made_within_the_boundary(development: Account, iam: Any, stack: str, bounded: bool) -> None:
    names = [f"{stack}-{kind}" for kind in ("wanted", "other")]
    wanted, other = (
        iam.create_policy(PolicyName=name, PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"] for name in names
    )
    role = make_role(
        iam,
        "authorization-roles",
        CLOUDFORMATION,
        [
            allow(["iam:Get*", "iam:List*", "iam:TagRole", "iam:UntagRole", "iam:Delete*"]),
            allow(["iam:CreateRole", "iam:PutRolePolicy"], ArnEquals={"iam:PermissionsBoundary": wanted}),
        ],
    )
    template = ROLES.replace("!Ref Boundary", wanted if bounded else other).replace(
        "Parameters: {Boundary: {Type: String}}", ""
    )
    status = deploy(development, stack, template, role)
    assert status == ("CREATE_COMPLETE" if bounded else "ROLLBACK_COMPLETE"), development.failures(stack)
    assert ("iam:CreateRole" in development.failures(stack)) is not bounded


def test_a_nested_stack_has_the_role_of_its_parent(development: Account, iam: Any, stack: str) -> None:
    bucket = f"templates-{DEVELOPMENT}"
    development.client("s3").put_object(Bucket=bucket, Key="authorization/child.yaml", Body=NETWORK.encode())
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{bucket}/authorization/child.yaml"},
    }
    template = json.dumps({"Resources": {"Child": child}})
    stacks = allow("cloudformation:*", f"arn:aws:cloudformation:{REGION}:{DEVELOPMENT}:stack/{stack}*")
    reading = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    role = make_role(iam, "authorization-parent", CLOUDFORMATION, [stacks, reading, MAKING_NETWORKS[0]])
    assert deploy(development, stack, template, role) == "ROLLBACK_COMPLETE"
    assert "assumed-role/authorization-parent/AWSCloudFormation is not authorized to perform: ec2:" in (
        development.failures(stack)
    )
    make_role(iam, "authorization-parent", CLOUDFORMATION, [stacks, *MAKING_NETWORKS])
    assert deploy(development, f"{stack}-2", template, role) == "ROLLBACK_COMPLETE"
    make_role(iam, "authorization-parent", CLOUDFORMATION, [stacks, reading, *MAKING_NETWORKS])
    assert deploy(development, f"{stack}-3", template, role) == "CREATE_COMPLETE", development.failures(f"{stack}-3")


def test_a_parameter_is_read_with_the_rights_of_the_role(development: Account, iam: Any, stack: str) -> None:
    template = """
    Resources:
      Copy:
        Type: AWS::SSM::Parameter
        Properties: {Type: String, Name: /authorization/copy, Value: "{{resolve:ssm:/trial/feature}}"}
    """
    writing = allow(["ssm:*"], f"arn:aws:ssm:{REGION}:{DEVELOPMENT}:parameter/authorization/*")
    role = make_role(iam, "authorization-parameters", CLOUDFORMATION, [writing])
    assert deploy(development, stack, template, role) == "ROLLBACK_COMPLETE"
    assert "ssm:GetParameters on resource: arn:aws:ssm" in development.failures(stack)
    reading = allow("ssm:GetParameters", f"arn:aws:ssm:{REGION}:{DEVELOPMENT}:parameter/trial/*")
    make_role(iam, "authorization-parameters", CLOUDFORMATION, [writing, reading])
    assert deploy(development, f"{stack}-2", template, role) == "CREATE_COMPLETE"

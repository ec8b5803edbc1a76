"""Rules for every template: the list comes from the table of contents, so that no new stack can be forgotten."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from generator.naming import PROJECT, short_name, stack_logical_id
from generator.regions import EDGE_REGION
from generator.retention import AUDIT_LOG, GENERATED, READ_REPLICA, RETENTION
from generator.roots import ROOTS, platform
from generator.stacks import STACKS
from tests import access_claims, claims
from tests.intrinsics import Templates, of_type, policy_documents, references, walk

MODULES = {short_name(module): module for module in (*STACKS, *ROOTS)}
NAMES = list(MODULES)
CHILDREN = [short_name(module) for module in STACKS]
ROOT_NAMES = [short_name(module) for module in ROOTS]

HOLDS_DATA_BY_NATURE = re.compile(
    r"AWS::(RDS::DB(Instance|Cluster)|DynamoDB::(Global)?Table|EFS::FileSystem|S3::Bucket|KMS::Key|Logs::LogGroup"
    r"|SecretsManager::Secret|CloudFormation::Stack|EC2::Volume|ElastiCache::\w+|Backup::BackupVault|Cognito::UserPool"
    r"|ECR::Repository)"
)

WITHOUT_NAME_TAG = {
    "AWS::CloudFront::CachePolicy": "takes no tags; has a name",
    "AWS::CloudFront::OriginAccessControl": "takes no tags; has a name",
    "AWS::CloudFront::ResponseHeadersPolicy": "takes no tags; has a name",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "takes no tags",
    "AWS::AutoScaling::ScalingPolicy": "takes no tags",
    "AWS::AutoScaling::ScheduledAction": "takes no tags",
    "AWS::Backup::BackupSelection": "takes no tags; is part of its plan",
    "AWS::Backup::RestoreTestingSelection": "takes no tags; is part of its plan",
    "AWS::CloudFormation::Stack": "has a name of its own, and would hand the tag to everything in it",
    "AWS::CloudWatch::Alarm": "has a name of its own, and the console shows no tag beside it",
    "AWS::CloudWatch::CompositeAlarm": "has a name of its own, and the console shows no tag beside it",
    "AWS::CodeStarNotifications::NotificationRule": "has a name of its own",
    "AWS::EC2::NetworkAclEntry": "takes no tags",
    "AWS::EC2::Route": "takes no tags",
    "AWS::EC2::SecurityGroupEgress": "takes no tags through CloudFormation; described by its Description",
    "AWS::EC2::SecurityGroupIngress": "takes no tags through CloudFormation; described by its Description",
    "AWS::EC2::SubnetNetworkAclAssociation": "takes no tags",
    "AWS::EC2::SubnetRouteTableAssociation": "takes no tags",
    "AWS::EC2::VPCGatewayAttachment": "takes no tags",
    "AWS::EC2::VPNConnectionRoute": "takes no tags",
    "AWS::ECS::ClusterCapacityProviderAssociations": "takes no tags; is part of its cluster",
    "AWS::EFS::MountTarget": "takes no tags; shows the file system's",
    "AWS::ElasticLoadBalancingV2::Listener": "takes no tags through CloudFormation",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "takes no tags through CloudFormation",
    "AWS::Events::Rule": "is found from the pipeline that it starts, or by what it tells",
    "AWS::IAM::Group": "takes no tags",
    "AWS::IAM::InstanceProfile": "takes no tags through CloudFormation",
    "AWS::IAM::ManagedPolicy": "takes no tags through CloudFormation",
    "AWS::IAM::Policy": "is part of its role",
    "AWS::KMS::Alias": "is itself the key's name",
    "AWS::Logs::MetricFilter": "takes no tags",
    "AWS::Logs::QueryDefinition": "takes no tags; has a name",
    "AWS::Route53::RecordSet": "takes no tags",
    "AWS::S3::BucketPolicy": "is part of its bucket",
    "AWS::SNS::Subscription": "takes no tags",
    "AWS::SNS::TopicPolicy": "is part of its topic",
    "AWS::Scheduler::Schedule": "takes no tags; its group does",
    "AWS::SSM::Parameter": "is found by its path, which is its name",
    "AWS::SSMContacts::ContactChannel": "takes no tags",
    "AWS::SSMContacts::Plan": "takes no tags; is part of its contact",
    "AWS::SecretsManager::SecretTargetAttachment": "takes no tags",
    "AWS::WAFv2::LoggingConfiguration": "is part of its web ACL",
    "AWS::WAFv2::WebACLAssociation": "takes no tags",
}

OTHER_TAGS = {
    "ForwardToWebServers": {"BlueServers", "Containers", "GreenServers"},  # for which the rule waits
    "BreakGlassRole": {"Use"},
    "Database": {"Backup", "LongTermBackups"},
    "FileSystem": {"Backup", "LongTermBackups"},
    "ReleaseBucket": {"Backup", "LongTermBackups"},
    "SessionTable": {"Backup"},
    "WebsiteBucket": {"Backup", "LongTermBackups"},
}
"""Tags by which something is looked for: the role whose every use raises an alarm, and what AWS Backup takes."""

PHYSICAL_NAMES = {
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "PolicyName"): "required; known within its target only",
    ("AWS::Backup::BackupVault", "BackupVaultName"): "required",
    ("AWS::Backup::RestoreTestingPlan", "RestoreTestingPlanName"): "required",
    ("AWS::Backup::RestoreTestingSelection", "RestoreTestingSelectionName"): "required",
    ("AWS::CE::AnomalyMonitor", "MonitorName"): "required",
    ("AWS::CE::AnomalySubscription", "SubscriptionName"): "required",
    ("AWS::CloudFront::Function", "Name"): "required",
    ("AWS::CloudWatch::Dashboard", "DashboardName"): "people open it by this name, and a policy recognises it",
    ("AWS::CodeConnections::Connection", "ConnectionName"): "required; people look for it to activate it",
    ("AWS::CodePipeline::Pipeline", "Name"): "people start it and mails speak of it by this name",
    ("AWS::CodeStarNotifications::NotificationRule", "Name"): "required",
    ("AWS::ECR::Repository", "RepositoryName"): "builds push to it and environments pull from it by this name",
    ("AWS::ECS::Cluster", "ClusterName"): "the name of the log group of Container Insights is made from it",
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): "roles of other stacks name it, some of them before it exists",
    ("AWS::IAM::Policy", "PolicyName"): "required; an inline policy's name is known within its role only",
    ("AWS::IAM::Role", "RoleName"): "policies of other accounts name it, before it exists",
    ("AWS::KMS::Alias", "AliasName"): "required; the alias is nothing but a name",
    (
        "AWS::Logs::LogGroup",
        "LogGroupName",
    ): "RDS, AWS WAF and Container Insights write to groups of these names, and RDS creates endless ones without them",
    ("AWS::Logs::QueryDefinition", "Name"): "the query is found by its name",
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier"): "the names of its log groups are made from it",
    ("AWS::ResourceGroups::Group", "Name"): "required",
    ("AWS::Route53::RecordSet", "Name"): "the record is nothing but a name",
    ("AWS::S3::Bucket", "BucketName"): "of replicas alone: buckets of another region name them",
    ("AWS::ServiceDiscovery::PrivateDnsNamespace", "Name"): "the namespace is nothing but a name",
    ("AWS::Shield::Protection", "Name"): "required",
    ("AWS::Synthetics::Canary", "Name"): "required; its metrics are found by it",
    ("AWS::XRay::Group", "GroupName"): "required",
    ("AWS::SSMContacts::Contact", "DisplayName"): "required; people read it",
    ("AWS::SSMContacts::ContactChannel", "ChannelName"): "required; people read it",
    ("AWS::SSMContacts::Rotation", "Name"): "required",
    ("AWS::SSMIncidents::ResponsePlan", "Name"): "required",
    ("AWS::SSMIncidents::ResponsePlan", "DisplayName"): "people read it",
    ("AWS::SSM::Parameter", "Name"): "applications find it by the path that the environment's name gives",
}
NAMES_OF_SOMETHING_ELSE = {
    ("AWS::Logs::MetricFilter", "LogGroupName"): "the log group whose lines are counted",
    ("AWS::CloudWatch::Alarm", "MetricName"): "the metric of an AWS service",
    ("AWS::EC2::VPCEndpoint", "ServiceName"): "the AWS service that the endpoint leads to",
    ("AWS::RDS::DBInstance", "CACertificateIdentifier"): "a certificate authority of AWS",
    ("AWS::RDS::DBInstance", "DBName"): "the database inside the instance",
}

UNBOUNDED = {"PrivateRouteTableIds": "a list of text, since CloudFormation has no type for route tables"}

REGION = re.compile(r"\b(af|ap|ca|cn|eu|il|me|mx|sa|us)(-gov|-iso\w?)?-(central|(north|south)?(east|west)?)-\d\b")
ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


def statements(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every IAM statement of a template, with the logical id of the resource that holds it."""
    for name, resource in template["Resources"].items():
        for document in policy_documents(resource):
            yield from ((name, statement) for statement in document["Statement"])


@pytest.mark.parametrize("name", NAMES)
def test_description_is_the_first_line_of_the_modules_docstring(templates: Templates, name: str) -> None:
    """Code, template and console say the same in the same words; CloudFormation allows 1,024 bytes."""
    description = templates[name]["Description"]
    assert description == (MODULES[name].__doc__ or "").splitlines()[0]
    assert len(description.encode()) <= 1024


@pytest.mark.parametrize("name", NAMES)
def test_parameter_has_a_description_and_a_constraint(templates: Templates, name: str) -> None:
    """A wrong value is refused before anything is created, and in words; AWS-specific types are checked by AWS."""
    for title, declared in templates[name].get("Parameters", {}).items():
        assert declared["Description"].endswith("."), title
        bounded = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue"} & declared.keys()
        assert bounded or declared["Type"].startswith(("AWS::", "List<AWS::")) or title in UNBOUNDED, title
        in_words = declared.get("ConstraintDescription", "").endswith(".")
        assert not bounded or in_words or "AllowedValues" in declared, title


@pytest.mark.parametrize("name", CHILDREN)
def test_child_has_no_defaults(templates: Templates, name: str) -> None:
    """Whatever a child needs the root hands it: nothing is silently unset."""
    assert [title for title, declared in templates[name]["Parameters"].items() if "Default" in declared] == []


@pytest.mark.parametrize("name", ROOT_NAMES)
def test_defaults_of_a_root_are_strings_that_its_constraints_accept(templates: Templates, name: str) -> None:
    """A default that is an integer makes taskcat ignore overrides from its configuration."""
    declared_parameters = templates[name].get("Parameters", {})
    defaults = {title: declared for title, declared in declared_parameters.items() if "Default" in declared}
    assert defaults or not declared_parameters
    for title, declared in defaults.items():
        assert isinstance(declared["Default"], str), title
        assert declared["Default"] in declared.get("AllowedValues", [declared["Default"]]), title
        assert re.fullmatch(declared.get("AllowedPattern", ".*"), declared["Default"]), title


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_used(templates: Templates, name: str) -> None:
    """A parameter that nothing reads is a setting that does nothing."""
    template = templates[name]
    used = {
        target
        for section in ("Conditions", "Resources", "Outputs", "Rules")
        for target, _ in references(template.get(section, {}))
    }
    assert template.get("Parameters", {}).keys() - used == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_condition_is_used(templates: Templates, name: str) -> None:
    template = templates[name]
    parts = [value for value in walk([template["Resources"], template.get("Outputs")]) if isinstance(value, dict)]
    used = {part.get("Condition") for part in parts if isinstance(part.get("Condition"), str)}
    used |= {part["Fn::If"][0] for part in parts if "Fn::If" in part}
    used |= {
        part["Condition"]
        for part in walk(template.get("Conditions", {}))
        if isinstance(part, dict) and isinstance(part.get("Condition"), str)
    }
    assert template.get("Conditions", {}).keys() == used


@pytest.mark.parametrize("name", NAMES)
def test_output_has_a_description(templates: Templates, name: str) -> None:
    """Outputs are what an operator sees of a stack first."""
    for title, output in templates[name].get("Outputs", {}).items():
        assert output["Description"].endswith("."), title


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_exported_or_imported(templates: Templates, name: str) -> None:
    """An export that is in use cannot change: the stack that has it could be updated no more."""
    found = {value for value in walk(templates[name]) if isinstance(value, str)}
    assert found.isdisjoint({"Export", "Fn::ImportValue"})


@pytest.mark.parametrize("name", NAMES)
def test_d10_stateful_resource_has_both_policies_of_the_table(templates: Templates, name: str) -> None:
    """CloudFormation's default deletes, with the stack and with a change that replaces."""
    for title, resource in templates[name]["Resources"].items():
        policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
        if HOLDS_DATA_BY_NATURE.fullmatch(resource["Type"]):
            expected = RETENTION[resource["Type"]]
            if "SourceDBInstanceIdentifier" in resource["Properties"]:
                expected = READ_REPLICA
            elif title in claims.MADE_UP_WITH_THEIR_STACK:
                expected = GENERATED
            elif resource["Properties"].get("RetentionInDays") == {"Ref": "AuditRetentionDays"}:
                expected = AUDIT_LOG
            assert policies == expected, title
        else:
            assert policies == (None, None), f"{title}: is {resource['Type']} stateful? Then say so in both tables"


@pytest.mark.parametrize("name", NAMES)
def test_d13_resource_has_a_name_tag(templates: Templates, name: str) -> None:
    """The console lists resources by this tag; most have no other name that a person could read, but for some roles."""
    for title, resource in templates[name]["Resources"].items():
        if resource["Type"] in WITHOUT_NAME_TAG or "RoleName" in resource["Properties"]:
            continue
        values = [value["Fn::Sub"] for key, value in tags_of(resource) if key == "Name"]
        assert len(values) == 1, title
        assert values[0].startswith(f"{PROJECT}-${{EnvironmentName}}-"), title


@pytest.mark.parametrize("name", NAMES)
def test_tag_of_stack_or_environment_is_not_repeated(templates: Templates, name: str) -> None:
    """Project, environment, owner and cost centre are stack tags, which reach every resource that can have tags."""
    for title, resource in templates[name]["Resources"].items():
        keys = {key for key, _ in tags_of(resource)}
        assert keys <= {"Name"} | OTHER_TAGS.get(title, set()), title


def tags_of(resource: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the tags that a template gives a resource: types have lists and mappings, under names of their own."""
    properties = resource["Properties"]
    given = [value for key, value in properties.items() if key.endswith("Tags") and isinstance(value, (dict, list))]
    given += [specification["Tags"] for specification in properties.get("TagSpecifications", [])]
    for tags in given:
        yield from tags.items() if isinstance(tags, dict) else ((tag["Key"], tag["Value"]) for tag in tags)


def test_exemptions_from_name_tag_are_needed(templates: Templates) -> None:
    types = {resource["Type"] for template in templates.values() for resource in template["Resources"].values()}
    assert WITHOUT_NAME_TAG.keys() <= types


@pytest.mark.parametrize("name", NAMES)
def test_resource_has_no_physical_name(templates: Templates, name: str) -> None:
    """A fixed name blocks replacement: the new resource cannot be created before the old one is gone."""
    for title, resource in templates[name]["Resources"].items():
        for key, value in resource["Properties"].items():
            names_something = key == "Name" or re.search(r"[a-z](Name|Identifier)$", key)
            chosen = isinstance(value, str) or (isinstance(value, dict) and value.keys() & {"Fn::Sub", "Fn::Join"})
            if names_something and chosen:
                assert (resource["Type"], key) in PHYSICAL_NAMES.keys() | NAMES_OF_SOMETHING_ELSE.keys(), title


@pytest.mark.parametrize("name", NAMES)
def test_iam_statement_has_a_sid_once_in_its_document(templates: Templates, name: str) -> None:
    """A statement says what it is for, and CloudTrail and reviewers can point at it."""
    for title, resource in templates[name]["Resources"].items():
        for document in policy_documents(resource):
            assert document["Version"] == "2012-10-17", title
            sids = [statement["Sid"] for statement in document["Statement"]]
            assert len(set(sids)) == len(sids), title
            assert all(re.fullmatch("[A-Z][A-Za-z0-9]+", sid) for sid in sids), title


@pytest.mark.parametrize("name", NAMES)
def test_d9_policy_belongs_to_a_role_of_the_workload_and_has_its_own_name(templates: Templates, name: str) -> None:
    """Servers, tasks, and what starts and deploys tasks; two policies of one name would overwrite each other there."""
    roles = ("WebServerRole", "WebServerRoleName", "TaskRole", "TaskRoleName", "ExecutionRole", "DeploymentRole")
    for title, policy in of_type(templates[name], "AWS::IAM::Policy").items():
        assert policy["Properties"]["PolicyName"] == title
        assert policy["Properties"]["Roles"] in [[{"Ref": role}] for role in roles], title
        assert list(policy_documents(policy)), title


@pytest.mark.parametrize("name", NAMES)
def test_d9_iam_lists_are_lists(templates: Templates, name: str) -> None:
    """The other rules look for "*" in lists; a single text would escape them. All but some things is for refusals."""
    for title, statement in statements(templates[name]):
        refused = {"NotAction", "NotResource"} & statement.keys() if statement["Effect"] == "Deny" else set()
        actions = "NotAction" if "NotAction" in refused else "Action"
        assert isinstance(statement[actions], list), (title, statement["Sid"])
        for resources in ("Resource", "NotResource"):
            assert isinstance(statement.get(resources, []), list), (title, statement["Sid"])
        others = {"NotAction", "NotResource", "NotPrincipal"} - refused
        assert others.isdisjoint(statement), (title, statement["Sid"])


def test_d9_identity_policies_are_least_privilege(templates: Templates) -> None:
    """No wildcard action and no "*" as resource, but for two statements that AWS leaves no other way."""
    claims.check_identity_policies_name_what_they_allow(templates)


def test_d9_every_role_and_user_has_the_boundary_of_its_kind(templates: Templates) -> None:
    """Without one, whoever may write a template might give a role any right."""
    access_claims.check_every_role_and_user_has_the_boundary_of_its_kind(templates)


def test_e2_nobody_gets_a_key_or_a_password(templates: Templates) -> None:
    access_claims.check_nobody_gets_a_key_or_a_password(templates)


@pytest.mark.parametrize("name", NAMES)
def test_d9_role_has_a_name_only_where_another_account_must_know_it(templates: Templates, name: str) -> None:
    """A named role cannot be replaced, and a second stack of the template cannot stand beside the first."""
    named = {
        title for title, role in of_type(templates[name], "AWS::IAM::Role").items() if "RoleName" in role["Properties"]
    }
    known = {
        "pipeline": {"PipelineRole", "ChangeReportRole", "RegionalTestRole", "ImagesRole", "ApproverRole"},
        "target_account": {
            *("DeploymentRole", "ReviewRole", "CloudFormationRole", "RegionalTestRole", "BreakGlassRole"),
            *("BackupRole", "RestoreRole", "ReplicationRole"),
        },
    }
    assert named == known.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_d9_only_services_or_this_account_are_principals(templates: Templates, name: str) -> None:
    """Nobody else gets in: "*" is found in denials, and in policies of VPC endpoints, which only draw a border."""
    for title, statement in statements(templates[name]):
        principal = statement.get("Principal")
        if principal is None or statement["Effect"] == "Deny":
            continue
        if templates[name]["Resources"][title]["Type"] == "AWS::EC2::VPCEndpoint":
            continue
        for value in principal.values() if isinstance(principal, dict) else [principal]:
            assert "*" not in json.dumps(value), (title, statement["Sid"])


@pytest.mark.parametrize("name", NAMES)
def test_arn_leaves_the_partition_open(templates: Templates, name: str) -> None:
    """An ARN that begins with arn:aws works in no other partition."""
    content = {key: value for key, value in templates[name].items() if key != "Parameters"}
    assert not [value for value in walk(content) if isinstance(value, str) and "arn:aws" in value]


@pytest.mark.parametrize("name", NAMES)
def test_security_group_rule_has_a_description(templates: Templates, name: str) -> None:
    """The console shows rules without the templates around them; AWS allows these characters only."""
    described = re.compile(r"[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}", re.ASCII)
    for title, resource in templates[name]["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] in ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"):
            assert described.fullmatch(properties["Description"]), title
        if resource["Type"] == "AWS::EC2::SecurityGroup":
            assert described.fullmatch(properties["GroupDescription"]), title
            inline = properties.get("SecurityGroupIngress", []) + properties.get("SecurityGroupEgress", [])
            assert all(described.fullmatch(rule["Description"]) for rule in inline), title


def test_e15_logs_are_encrypted_and_kept_a_week(templates: Templates) -> None:
    claims.check_logs_are_encrypted_and_kept_a_week(templates)


def test_nothing_refers_to_what_may_be_absent(templates: Templates) -> None:
    """CloudFormation refuses a reference to a resource whose condition is false, but only when it is false."""
    claims.check_nothing_refers_to_what_may_be_absent(templates)


@pytest.mark.parametrize("name", NAMES)
def test_reference_has_a_target(templates: Templates, name: str) -> None:
    template = templates[name]
    known = template.get("Parameters", {}).keys() | template["Resources"].keys()
    users = [
        template["Resources"],
        template.get("Outputs", {}),
        template.get("Conditions", {}),
        template.get("Rules", {}),
    ]
    targets = {target for target, _ in references(users) if not target.startswith("AWS::")}
    assert targets <= known
    for title, resource in template["Resources"].items():
        assert set(resource.get("DependsOn", [])) <= template["Resources"].keys(), title


@pytest.mark.parametrize("name", NAMES)
def test_no_account_and_no_region_is_written_down(templates: Templates, name: str) -> None:
    """The same bytes are deployed to every account and region (C3, D6)."""
    content = json.loads(json.dumps(templates[name]))
    for declared in content.get("Parameters", {}).values():
        declared.pop("ConstraintDescription", None)  # names a zone as an example
    for mapping in content.get("Mappings", {}).values():
        for region in [key for key in mapping if REGION.fullmatch(key)]:
            del mapping[region]  # says what AWS calls the same thing in each region
    # CloudFront's metrics are in this region alone, wherever the platform is.
    text = json.dumps(content).replace(json.dumps(f'"region":"{EDGE_REGION}"')[1:-1], "")
    assert not REGION.search(text)
    assert not ACCOUNT.search(text)


def test_pattern_finds_regions() -> None:
    for region in ("eu-west-1", "us-gov-east-1", "ap-southeast-2", "ca-central-1", "us-east-1a"):
        assert REGION.search(f"x.{region}" if region[-1].isdigit() else region[:-1])


def test_bytes_do_not_depend_on_the_hash_seed(texts: dict[str, str], tmp_path: Path) -> None:
    """A release is compared by its SHA-256, so that the same source must give the same bytes."""
    script = tmp_path / "render.py"
    script.write_text(
        "import json, sys\n"
        "from generator.nesting import synthesize\n"
        "from generator.roots import ROOTS\n"
        "from generator.stacks import STACKS\n"
        "from generator.template_yaml import dump\n"
        "json.dump([dump(synthesize(module.build).to_dict()) for module in (*STACKS, *ROOTS)], sys.stdout)\n"
    )
    repository = str(Path(__file__).parents[1])
    running = [
        subprocess.Popen(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": repository},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    for process in running:
        found, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert json.loads(found) == list(texts.values())


def test_text_has_unix_line_ends_and_no_tabs(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        assert "\r" not in text, name
        assert "\t" not in text, name
        assert text.endswith("\n"), name


# The table of contents


def test_every_stack_is_nested_once_in_the_platform(templates: Templates) -> None:
    """A module that the root forgets is tested and released, but never deployed."""
    nested = [
        stack["Properties"]["TemplateURL"]["Fn::Sub"].rpartition("}")[2]
        for stack in of_type(templates["platform"], "AWS::CloudFormation::Stack").values()
    ]
    assert sorted(nested) == sorted(f"{name}.yaml" for name in CHILDREN)


@pytest.mark.parametrize("module", STACKS, ids=CHILDREN)
def test_stack_depends_only_on_those_before_it(templates: Templates, module: ModuleType) -> None:
    """The table of contents is a valid order of creation, and there is no circle."""
    order = [stack_logical_id(stack) for stack in STACKS]
    stack = templates["platform"]["Resources"][stack_logical_id(module)]
    needed = {target for target, _ in references(stack["Properties"]["Parameters"]) if target in order}
    needed |= set(stack.get("DependsOn", []))
    assert needed <= set(order[: STACKS.index(module)])


def test_root_owns_nothing_but_stacks(templates: Templates) -> None:
    types = {resource["Type"] for resource in templates[short_name(platform)]["Resources"].values()}
    assert types == {"AWS::CloudFormation::Stack"}

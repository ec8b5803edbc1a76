"""What the pipeline and the accounts it deploys to promise, as functions over the rendered templates.

Like `tests.claims`: each `check_…` function holds one promise, and `test_mutations` sees each of them fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

import yaml

from generator.naming import PROJECT, REVIEW, pascal_case, root_stack_name
from tests.claims import identity_statements, only
from tests.intrinsics import Template, Templates, of_type, resolve, resolved, walk

ACCOUNTS = {"dev": "111111111111", "staging": "222222222222", "prod": "333333333333"}
REPOSITORY, BUCKET = "my-team/my-shop", ""
SOURCES = (REPOSITORY, BUCKET)
SETTINGS = {f"{pascal_case(name)}AccountId": account for name, account in ACCOUNTS.items()} | {
    "SourceBranch": "main",
    "NotificationEmail": "",
    "ApproverArns": "",
    "ContainerImages": "true",
}

VARIABLE = re.compile(r"#\{(\w+)\.(\w+)\}")
ARTIFACT_KEY = {"Ref": "ArtifactKeyArn"}
THIS_ACCOUNT = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"
STACKS_HERE = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}"
SHOWN_WITHIN_THE_HOUR = {
    "Bool": {"aws:MultiFactorAuthPresent": "true"},
    "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
}
ALICE, SECURITY_TEAM = "arn:aws:iam::444444444444:user/alice", "arn:aws:iam::555555555555:root"
APPROVERS: Mapping[str, Any] = {"": THIS_ACCOUNT, f"{ALICE},{SECURITY_TEAM}": [ALICE, SECURITY_TEAM]}
"""Who may take the approvers' role, by the setting."""

FROM_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}

PUSHING = {"ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"}

OF_A_REPOSITORY = ("PullByEnvironments", "PushByTheBuildOfImagesAlone", "NobodyTakesAnImageAway")

Group = list[dict[str, Any]]


# The way of a release


def check_executions_never_overtake_each_other(templates: Templates) -> None:
    for source in SOURCES:
        properties = pipeline(templates, source)
        assert (properties["PipelineType"], properties.get("ExecutionMode")) == ("V2", "QUEUED")


def check_a_new_source_starts_the_pipeline(templates: Templates) -> None:
    by_push = pipeline(templates, REPOSITORY)
    configuration = by_push["Stages"][0]["Actions"][0]["Configuration"]
    assert configuration["FullRepositoryId"] == REPOSITORY
    assert configuration["ConnectionArn"] == {"Ref": "Connection"}
    trigger = only(by_push.get("Triggers", []))
    branches = only(trigger["GitConfiguration"]["Push"])["Branches"]
    assert (trigger["GitConfiguration"]["SourceActionName"], branches) == ("Source", {"Includes": ["main"]})
    by_upload = pipeline(templates, BUCKET)
    assert "Triggers" not in by_upload, "a trigger needs a connection"
    configuration = by_upload["Stages"][0]["Actions"][0]["Configuration"]
    resources = resources_with(templates, BUCKET)
    rule = only(resource for resource in resources.values() if resource["Type"] == "AWS::Events::Rule")["Properties"]
    detail = {"bucket": {"name": [configuration["S3Bucket"]]}, "object": {"key": [configuration["S3ObjectKey"]]}}
    assert rule["EventPattern"] == {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
    started = only(rule["Targets"])["Arn"]
    assert started.endswith(":${AWS::AccountId}:${Pipeline}")
    role = resources[only(rule["Targets"])["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    allowed = only(only(role["Policies"])["PolicyDocument"]["Statement"])
    assert (allowed["Action"], allowed["Resource"]) == (["codepipeline:StartPipelineExecution"], [started])
    assert configuration["S3Bucket"] == {"Ref": "SourceBucketName"}
    bucket = stores_with(templates, BUCKET)["SourceBucket"]["Properties"]
    assert bucket.get("NotificationConfiguration") == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def check_artifacts_come_from_earlier_actions(templates: Templates) -> None:
    for source in SOURCES:
        made: set[str] = set()
        for group in groups(templates, source):
            for action in group:
                inputs = {artifact["Name"] for artifact in action.get("InputArtifacts", [])}
                assert inputs <= made, action["Name"]
                assert artifacts_read(action["Configuration"]) <= inputs, action["Name"]
            made |= {artifact["Name"] for action in group for artifact in action.get("OutputArtifacts", [])}
        assert made == {"Source", "Release"}


def check_variables_come_from_earlier_actions(templates: Templates) -> None:
    for source in SOURCES:
        properties = pipeline(templates, source)
        known = {
            "variables": {variable["Name"] for variable in properties["Variables"]},
            "codepipeline": {"PipelineExecutionId"},
        }
        for stage in properties["Stages"]:
            assert_known(stage.get("BeforeEntry", {}), known, stage["Name"])
            for group in groups_of(stage):
                for action in group:
                    assert_known(action, known, action["Name"])
                for action in group:
                    if "Namespace" in action:
                        assert action["Namespace"] not in known, "two actions would share a namespace"
                        known[action["Namespace"]] = variables_made(templates, source, action)


def check_each_stage_deploys_to_its_environments_account(templates: Templates) -> None:
    roles = {title: role["Properties"]["RoleName"] for title, role in roles_of(templates, "target_account").items()}
    stages = {pascal_case(name): name for name in ACCOUNTS}
    for source in SOURCES:
        for stage in pipeline(templates, source)["Stages"]:
            actions = cloudformation_actions(stage)
            assert bool(actions) == (stage["Name"] in stages), stage["Name"]
            for action in actions:
                name = stages[stage["Name"]]
                there = f"arn:${{AWS::Partition}}:iam::{ACCOUNTS[name]}:role/"
                configuration = action["Configuration"]
                assert action.get("RoleArn") == there + roles["DeploymentRole"], (name, action["Name"])
                assert configuration["StackName"] == root_stack_name(name)
                assert configuration.get("TemplateConfiguration", f"Release::{name}.json") == f"Release::{name}.json"
                if configuration["ActionMode"] == "CHANGE_SET_REPLACE":
                    assert configuration["RoleArn"] == there + roles["CloudFormationRole"], name


def check_every_environment_gets_the_same_release(templates: Templates) -> None:
    images = {"WebServerImageId", "ApplicationImage", "CollectorImage"}
    of_the_release = {"TemplateBucketName", "TemplateKeyPrefix", *images}
    overrides = {name: {"Fn::GetParam": ["Release", "release.json", name]} for name in of_the_release}
    of_the_environment = {"StackName", "ChangeSetName", "RoleArn", "TemplateConfiguration"}
    found = []
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        for action in cloudformation_actions(stage):
            configuration = action["Configuration"]
            if configuration["ActionMode"] == "CHANGE_SET_REPLACE":
                assert json.loads(configuration["ParameterOverrides"]) == overrides, stage["Name"]
                assert configuration["TemplatePath"] == "Release::platform.yaml", stage["Name"]
                assert configuration["TemplateConfiguration"].startswith("Release::"), stage["Name"]
                found.append({key: value for key, value in configuration.items() if key not in of_the_environment})
    assert len(found) == len(ACCOUNTS)
    assert all(configuration == found[0] for configuration in found)
    assert of_the_release <= templates["platform"]["Parameters"].keys()


def check_production_waits_for_people_who_see_what_changes(templates: Templates) -> None:
    stages = pipeline(templates, REPOSITORY)["Stages"]
    names = [stage["Name"] for stage in stages]
    assert [name for name in names if name.lower() in ACCOUNTS] == ["Dev", "Staging", "Prod"]
    assert names[names.index("Prod") - 1] == "Review", "nothing comes between the approval and production"
    report, approval = one_after_the_other(stages[names.index("Review")], 2)
    assert approval["ActionTypeId"] == {"Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"}
    assert {artifact["Name"] for artifact in report["InputArtifacts"]} == {"Source", "Release"}
    namespace = report["Namespace"]
    approver = role_name(templates, "pipeline", "ApproverRole")
    text = f"#{{{namespace}.SUMMARY}}. Approve or reject as {approver}, with MFA."
    assert approval["Configuration"]["CustomData"] == text, "the mail says what it takes to answer it"
    assert approval["Configuration"].get("ExternalEntityLink") == f"#{{{namespace}.REPORT_URL}}"
    assert approval["Configuration"].get("NotificationArn") == {"Ref": "NotificationTopic"}
    elsewhere = [stage for stage in stages if stage["Name"] != "Review"]
    kinds = {action["ActionTypeId"]["Category"] for stage in elsewhere for action in stage["Actions"]}
    assert "Approval" not in kinds, "a stage that is rolled back would ask again"


def check_a_stage_that_fails_is_undone(templates: Templates) -> None:
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        name = stage["Name"]
        if name.lower() in ACCOUNTS:
            assert stage.get("OnFailure") == {"Result": "ROLLBACK"}, name
        elif name == "Build":
            retry = {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}}
            assert stage.get("OnFailure") == retry, name
        else:
            assert "OnFailure" not in stage, name


def check_every_deployment_is_tested_from_outside(templates: Templates) -> None:
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        if stage["Name"].lower() not in ACCOUNTS:
            continue
        create, execute, test = one_after_the_other(stage, 3)
        assert create["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE", stage["Name"]
        assert execute["Configuration"]["ActionMode"] == "CHANGE_SET_EXECUTE", stage["Name"]
        assert execute["Configuration"]["ChangeSetName"] == create["Configuration"]["ChangeSetName"], stage["Name"]
        assert test["Configuration"]["ProjectName"] == {"Ref": "SmokeTestProject"}, stage["Name"]
        variable = only(json.loads(test["Configuration"]["EnvironmentVariables"]))
        address = f"#{{{execute['Namespace']}.ApplicationUrl}}"
        assert variable == {"name": "APPLICATION_URL", "value": address, "type": "PLAINTEXT"}, stage["Name"]


def check_regional_tests_run_where_they_are_asked_for(templates: Templates) -> None:
    properties = pipeline(templates, REPOSITORY)
    variable = only(properties["Variables"])
    assert (variable["Name"], variable["DefaultValue"]) == ("RegionalTest", "no")
    stage = only(stage for stage in properties["Stages"] if "BeforeEntry" in stage)
    assert stage["Name"] == "RegionalTest"
    condition = only(stage["BeforeEntry"]["Conditions"])
    rule = only(condition["Rules"])
    assert (condition["Result"], rule["RuleTypeId"]["Provider"]) == ("SKIP", "VariableCheck")
    assert rule["Configuration"] == {"Variable": "#{variables.RegionalTest}", "Operator": "EQ", "Value": "yes"}


def check_people_hear_of_failures_and_approvals(templates: Templates) -> None:
    template = templates["pipeline"]
    rule = only(of_type(template, "AWS::CodeStarNotifications::NotificationRule").values())
    about = {event.removeprefix("codepipeline-pipeline-") for event in rule["Properties"]["EventTypeIds"]}
    assert {"pipeline-execution-failed", "manual-approval-needed"} <= about
    assert only(rule["Properties"]["Targets"])["TargetAddress"] == {"Ref": "NotificationTopic"}
    topic = template["Resources"]["NotificationTopic"]["Properties"]
    assert topic.get("KmsMasterKeyId") == ARTIFACT_KEY
    statements = template["Resources"]["NotificationTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = only(statement for statement in statements if statement["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "codestar-notifications.amazonaws.com"}
    assert allowed.get("Condition") == FROM_THIS_ACCOUNT
    assert "NotificationTopicPolicy" in rule.get("DependsOn", [])


# The tools account


def check_the_tools_account_opens_to_the_environments_roles_alone(templates: Templates) -> None:
    """Keys, buckets and topics let in this account, services, and some roles of the target accounts to read."""
    readers = ("DeploymentRole", "ReviewRole", "CloudFormationRole")
    names = [role_name(templates, "target_account", title) for title in readers]
    roles = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::*:role/{name}"} for name in names]
    targets = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{{name}}}:root"} for name in SETTINGS if "Account" in name]
    shared = set()
    for title, statement in resource_statements(templates):
        if statement["Effect"] == "Deny":
            continue
        principal = statement["Principal"]
        assert isinstance(principal, dict), (title, statement["Sid"])
        if "Service" in principal:
            assert statement.get("Condition"), (title, statement["Sid"])
        elif principal["AWS"] != {"Fn::Sub": THIS_ACCOUNT}:
            callers = statement.get("Condition", {}).get("ArnLike")
            assert principal["AWS"] == targets, (title, statement["Sid"])
            assert callers == {"aws:PrincipalArn": roles}, (title, statement["Sid"])
            reading = {"kms:Decrypt", "kms:DescribeKey", "s3:GetObject", "s3:GetObjectVersion"}
            assert set(statement["Action"]) <= reading, (title, statement["Sid"])
            shared.add(title)
    assert shared == {"ArtifactKey", "ArtifactBucketPolicy", "TemplateBucketPolicy"}


def check_pipeline_and_environments_get_what_the_tools_account_keeps(templates: Templates) -> None:
    """The bootstrap hands outputs to parameters of the same names, and to nothing that has a value without them."""
    for source in SOURCES:
        kept = {
            "ArtifactBucketName": {"Ref": "ArtifactBucket"},
            "ArtifactKeyArn": {"Fn::GetAtt": ["ArtifactKey", "Arn"]},
            "TemplateBucketName": {"Ref": "TemplateBucket"},
            "SourceBucketName": "none" if source else {"Ref": "SourceBucket"},
        }
        template = templates["tools_account"]
        given = {
            name: resolve(each["Value"], template, {"SourceRepository": source})
            for name, each in template["Outputs"].items()
        }
        for root, names in (("pipeline", set(kept)), ("target_account", kept.keys() - {"SourceBucketName"})):
            parameters = templates[root]["Parameters"]
            assert parameters.keys() & given.keys() == names, root
            for name in names:
                assert given[name] == kept[name], name
                assert "Default" not in parameters[name], (root, name)


def check_every_use_of_the_stores_is_logged(templates: Templates) -> None:
    for source in SOURCES:
        resources = stores_with(templates, source)
        buckets = {title for title, each in resources.items() if each["Type"] == "AWS::S3::Bucket"}
        logged = buckets - {"AccessLogBucket"}
        assert logged == {"ArtifactBucket", "TemplateBucket", *([] if source else ["SourceBucket"])}
        prefixes = set()
        for title in logged:
            logging = resources[title]["Properties"].get("LoggingConfiguration", {})
            assert logging.get("DestinationBucketName") == {"Ref": "AccessLogBucket"}, title
            prefixes.add(logging["LogFilePrefix"])
        assert len(prefixes) == len(logged), "whose log it is, its name tells"
        statements = resources["AccessLogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        delivery = only(statement for statement in statements if statement["Effect"] == "Allow")
        assert (delivery["Principal"], delivery["Action"]) == (
            {"Service": "logging.s3.amazonaws.com"},
            ["s3:PutObject"],
        )
        conditions = delivery.get("Condition", {})
        assert conditions.get("StringEquals") == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        sources = conditions.get("ArnLike", {}).get("aws:SourceArn", [])
        assert {each["Fn::GetAtt"][0] for each in sources} == logged


def check_images_are_pulled_by_environments_and_pushed_by_one_build(templates: Templates) -> None:
    """Images and their tags stay what they are: nobody else pushes, no tag moves, nothing that has one goes away."""
    targets = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{{name}}}:root"} for name in SETTINGS if "Account" in name]
    repositories = of_type(templates["tools_account"], "AWS::ECR::Repository")
    assert repositories.keys() == {"ApplicationRepository", "CollectorRepository"}
    pusher = role_name(templates, "pipeline", "ImagesRole")
    for title, repository in repositories.items():
        properties = repository["Properties"]
        statements = properties["RepositoryPolicyText"]["Statement"]
        allowed, pushing, taking_away = (one_called(statements, sid) for sid in OF_A_REPOSITORY)
        assert (allowed["Effect"], allowed["Principal"]) == ("Allow", {"AWS": targets}), title
        assert set(allowed["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}, title
        ours = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::*:role/{PROJECT}-*"}
        assert allowed.get("Condition") == {"ArnLike": {"aws:PrincipalArn": ours}}, title
        assert [each["Effect"] for each in (pushing, taking_away)] == ["Deny", "Deny"], title
        here = {"AWS": {"Fn::Sub": THIS_ACCOUNT}}
        assert [each["Principal"] for each in (pushing, taking_away)] == [here, here], title
        assert len(statements) == len(OF_A_REPOSITORY), title
        but = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{pusher}"}
        assert pushing.get("Condition") == {"ArnNotEquals": {"aws:PrincipalArn": but}}, title
        assert set(pushing["Action"]) >= PUSHING, title
        assert "Condition" not in taking_away, title
        assert set(taking_away["Action"]) == {"ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"}, title
        assert properties.get("ImageTagMutability") == "IMMUTABLE", title
        rule = only(json.loads(properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"])
        assert (rule["selection"]["tagStatus"], rule["action"]) == ("untagged", {"type": "expire"}), title
        assert properties.get("ImageScanningConfiguration") == {"ScanOnPush": True}, title
        key = {"Fn::GetAtt": ["ArtifactKey", "Arn"]}
        assert properties.get("EncryptionConfiguration") == {"EncryptionType": "KMS", "KmsKey": key}, title


def check_one_build_may_push_images_and_nothing_else(templates: Templates) -> None:
    """It executes the source's Dockerfile with Docker, as root of its machine."""
    repositories = of_type(templates["tools_account"], "AWS::ECR::Repository").values()
    arn = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/"
    there = [{"Fn::Sub": arn + each["Properties"]["RepositoryName"]} for each in repositories]
    template = templates["pipeline"]
    pushing = [(title, each) for title, each in identity_statements(template) if PUSHING & set(each["Action"])]
    assert [title for title, _ in pushing] == ["ImagesRole"]
    for statement in rights_of(template, "ImagesRole"):
        services = {action.partition(":")[0] for action in statement["Action"]}
        if services == {"ecr"} and statement["Action"] != ["ecr:GetAuthorizationToken"]:
            assert statement["Resource"] == there, statement["Sid"]
        assert services <= {"ecr", "kms", "logs", "s3"}, statement["Sid"]
    mighty = {
        title: project["Properties"]["ServiceRole"]["Fn::GetAtt"][0]
        for title, project in of_type(template, "AWS::CodeBuild::Project").items()
        if project["Properties"]["Environment"].get("PrivilegedMode")
    }
    assert mighty == {"ImagesProject": "ImagesRole"}


def check_images_are_built_before_the_release_that_names_them(templates: Templates) -> None:
    """Where the tools account keeps images; elsewhere there is no build that could push any."""
    for wanted in ("true", "false"):
        resources = resolved(templates["pipeline"], **SETTINGS | {"ContainerImages": wanted}, SourceRepository="")
        stage = only(each for each in resources["Pipeline"]["Properties"]["Stages"] if each["Name"] == "Build")
        order = [only(group)["Configuration"]["ProjectName"]["Ref"] for group in groups_of(stage)]
        assert order == [*(["ImagesProject"] if wanted == "true" else []), "BuildProject"], wanted
        assert {"ImagesProject", "ImagesRole"} & resources.keys() == (
            {"ImagesProject", "ImagesRole"} if wanted == "true" else set()
        )
        policies = [
            each["PolicyName"] for role in ("PipelineRole", "BuildRole") for each in policies_of(resources, role)
        ]
        assert {"Images", "PinImages"} & set(policies) == ({"Images", "PinImages"} if wanted == "true" else set())
        variables = resources["BuildProject"]["Properties"]["Environment"]["EnvironmentVariables"]
        assert {"Name": "CONTAINER_IMAGES", "Value": wanted} in variables, "what the release names is what is built"


def check_only_who_makes_something_writes_it(templates: Templates) -> None:
    writers = {
        ("PipelineRole", "Artifacts"): ["ArtifactBucketName/*"],
        ("BuildRole", "HandOnArtifacts"): ["ArtifactBucketName/*"],
        ("BuildRole", "PublishReleases"): ["TemplateBucketName/web-platform/*"],
        ("ChangeReportRole", "KeepReports"): ["TemplateBucketName/reviews/*"],
    }
    found = {
        (title, statement["Sid"]): [object_of(resource) for resource in statement["Resource"]]
        for title, statement in identity_statements(templates["pipeline"])
        if any(action.startswith(("s3:Put", "s3:Delete")) for action in statement["Action"])
    }
    assert found == writers


def check_each_role_of_the_tools_account_acts_in_its_accounts_only(templates: Templates) -> None:
    """A build that runs what is under review gets no role that deploys."""
    roles = {
        "PipelineRole": ("DeploymentRole", list(ACCOUNTS)),
        "ChangeReportRole": ("ReviewRole", ["prod"]),
        "RegionalTestRole": ("RegionalTestRole", ["dev"]),
    }
    expected = {}
    for title, (role, names) in roles.items():
        called = role_name(templates, "target_account", role)
        accounts = [f"${{{pascal_case(name)}AccountId}}" for name in names]
        expected[title] = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{account}:role/{called}"} for account in accounts]
    assuming = [
        (title, statement["Resource"])
        for title, statement in identity_statements(templates["pipeline"])
        if "sts:AssumeRole" in statement["Action"]
    ]
    assert len(assuming) == len(expected)
    assert dict(assuming) == expected


def check_people_with_mfa_alone_approve_production(templates: Templates) -> None:
    """Those who are named, or whom the tools account lets; and the role they take is good for nothing else."""
    template = templates["pipeline"]
    approving = [
        (title, statement)
        for title, statement in identity_statements(template)
        if any(fnmatch("codepipeline:PutApprovalResult", action) for action in statement["Action"])
    ]
    title, answer = only(approving)
    pipeline_here = "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"
    assert (title, answer["Action"]) == ("ApproverRole", ["codepipeline:PutApprovalResult"])
    assert answer["Resource"] == [{"Fn::Sub": f"{pipeline_here}/Review/Approval"}]
    others = [statement for statement in rights_of(template, title) if statement is not answer]
    for statement in others:
        verbs = {re.split("(?=[A-Z])", action.partition(":")[2])[1] for action in statement["Action"]}
        assert verbs <= {"Get", "List", "Decrypt"}, statement["Sid"]
    reports = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${TemplateBucketName}/reviews/*"}
    seen = [resource for statement in others for resource in statement["Resource"]]
    assert seen == [{"Fn::Sub": pipeline_here}, reports, ARTIFACT_KEY]
    assert one_called(others, "DecryptReports").get("Condition") == {
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}}
    }
    for given, people in APPROVERS.items():
        role = resolved(template, **SETTINGS | {"ApproverArns": given}, SourceRepository="")["ApproverRole"]
        trust = only(role["Properties"]["AssumeRolePolicyDocument"]["Statement"])
        assert (trust["Principal"], trust["Action"]) == ({"AWS": people}, ["sts:AssumeRole"])
        assert trust.get("Condition") == SHOWN_WITHIN_THE_HOUR
        assert role["Properties"].get("MaxSessionDuration") == 3600


def check_services_take_the_tools_accounts_roles_for_it_alone(templates: Templates) -> None:
    roles = roles_of(templates, "pipeline")
    for title, role in roles.items():
        if title == "ApproverRole":  # people's
            continue
        trust = only(role["Properties"]["AssumeRolePolicyDocument"]["Statement"])
        assert list(trust["Principal"]) == ["Service"], title
        assert trust.get("Condition") == FROM_THIS_ACCOUNT, title


def check_builds_are_encrypted_and_logged(templates: Templates) -> None:
    template = templates["pipeline"]
    group = only(of_type(template, "AWS::Logs::LogGroup"))
    projects = of_type(template, "AWS::CodeBuild::Project")
    assert projects
    for title, project in projects.items():
        properties = project["Properties"]
        assert properties.get("EncryptionKey") == ARTIFACT_KEY, title
        logs = {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": {"Ref": group}}}
        assert properties.get("LogsConfig") == logs, title
        rights = rights_of(template, properties["ServiceRole"]["Fn::GetAtt"][0])
        writing = [statement["Resource"] for statement in rights if "logs:PutLogEvents" in statement["Action"]]
        assert writing == [[{"Fn::GetAtt": [group, "Arn"]}]], title


# The environments' accounts


def check_target_roles_are_for_the_tools_account_alone(templates: Templates) -> None:
    """And there for those roles only that the pipeline's template gives their names to."""
    root = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${ToolsAccountId}:root"}}
    users = {
        "DeploymentRole": "PipelineRole",
        "ReviewRole": "ChangeReportRole",
        "RegionalTestRole": "RegionalTestRole",
    }
    found = roles_of(templates, "target_account")
    copying = {"BackupRole", "RestoreRole", "ReplicationRole"}  # AWS's: see recovery_claims
    assert found.keys() == {*users, "CloudFormationRole", "BreakGlassRole", *copying}
    for title, role in found.items():
        if title in copying:
            continue
        trust = only(role["Properties"]["AssumeRolePolicyDocument"]["Statement"])
        assert trust["Action"] == ["sts:AssumeRole"], title
        if title == "CloudFormationRole":
            assert trust["Principal"] == {"Service": "cloudformation.amazonaws.com"}
            continue
        if title == "BreakGlassRole":
            assert trust["Principal"] == {"AWS": {"Fn::Sub": THIS_ACCOUNT}}
            assert trust.get("Condition") == SHOWN_WITHIN_THE_HOUR
            assert role["Properties"].get("MaxSessionDuration") == 3600
            continue
        called = role_name(templates, "pipeline", users[title])
        callers = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{ToolsAccountId}}:role/{called}"}]
        assert trust["Principal"] == root, title
        assert trust.get("Condition") == {"ArnEquals": {"aws:PrincipalArn": callers}}, title


def check_only_emergencies_may_do_everything(templates: Templates) -> None:
    """CloudFormation's role has computed rights; the break-glass role opens for an hour, to people with MFA."""
    for module, template in templates.items():
        for title, role in of_type(template, "AWS::IAM::Role").items():
            managed = [policy.get("Fn::Sub") for policy in role["Properties"].get("ManagedPolicyArns", [])]
            mighty = (module, title) == ("target_account", "BreakGlassRole")
            administrator = "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"
            assert (administrator in managed) == mighty, (module, title)


def check_cloudformations_role_is_handed_to_cloudformation_only(templates: Templates) -> None:
    passing = [
        (title, statement)
        for title, statement in identity_statements(templates["target_account"])
        if any(action.startswith("iam:") for action in statement["Action"])
    ]
    assert {title for title, _ in passing} == {"DeploymentRole", "ReviewRole", "RegionalTestRole"}
    for title, statement in passing:
        assert statement["Action"] == ["iam:PassRole"], title
        assert statement["Resource"] == [{"Fn::GetAtt": ["CloudFormationRole", "Arn"]}], title
        to_cloudformation = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        assert statement.get("Condition") == to_cloudformation, title


def check_stacks_of_the_project_change_through_change_sets_only(templates: Templates) -> None:
    """And only the deployment executes them: a review makes one, for people to read."""
    of_the_project = {"Fn::Sub": STACKS_HERE + ":stack/web-platform-*"}
    changing = {"CreateStack", "UpdateStack", "DeleteStack", "CancelUpdateStack", "ContinueUpdateRollback"}
    executing = set()
    for title, statement in allowing(templates["target_account"]):
        actions = {action.partition(":")[2] for action in statement["Action"] if action.startswith("cloudformation:")}
        if "ExecuteChangeSet" in actions:
            executing.add(title)
        if title in ("DeploymentRole", "ReviewRole") and actions:
            assert not actions & changing, (title, statement["Sid"])
            assert statement["Resource"] == [of_the_project] or actions == {"DescribeStacks"}, (title, statement["Sid"])
    assert executing == {"DeploymentRole"}


def check_a_review_replaces_no_change_set_that_is_executed(templates: Templates) -> None:
    """It runs what is under review, and what it makes must not stand where the pipeline looks for its own."""
    making = {"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"}
    of_review = [s for title, s in identity_statements(templates["target_account"]) if title == "ReviewRole"]
    statements = [statement for statement in of_review if making & set(statement["Action"])]
    pattern = f"{PROJECT}-*{REVIEW}*"
    assert [s.get("Condition") for s in statements] == [{"StringLike": {"cloudformation:ChangeSetName": pattern}}]
    for stage in pipeline(templates, REPOSITORY)["Stages"]:
        for action in stage["Actions"]:
            assert not fnmatch(action["Configuration"].get("ChangeSetName", ""), pattern), stage["Name"]


# What the checks look at


def resources_with(templates: Templates, source: str) -> dict[str, Any]:
    """Return the resources of the pipeline's template as they are with one of the two sources."""
    return resolved(templates["pipeline"], **SETTINGS, SourceRepository=source)


def stores_with(templates: Templates, source: str) -> dict[str, Any]:
    """Return the resources that the tools account keeps things in, as they are with one of the two sources."""
    return resolved(templates["tools_account"], **SETTINGS, SourceRepository=source)


def pipeline(templates: Templates, source: str) -> dict[str, Any]:
    """Return the properties of the pipeline with one of the two sources, accounts filled in."""
    resources = resources_with(templates, source)
    properties: dict[str, Any] = resources["Pipeline"]["Properties"]
    return properties


def groups(templates: Templates, source: str) -> list[Group]:
    """Return the actions of all stages in groups that run at the same time, one group after the other."""
    return [group for stage in pipeline(templates, source)["Stages"] for group in groups_of(stage)]


def groups_of(stage: Mapping[str, Any]) -> list[Group]:
    """Return the actions of one stage in groups that run at the same time."""
    orders = sorted({action.get("RunOrder", 1) for action in stage["Actions"]})
    return [[action for action in stage["Actions"] if action.get("RunOrder", 1) == order] for order in orders]


def one_after_the_other(stage: Mapping[str, Any], number: int) -> Group:
    """Return the actions of a stage of which each waits for the one before."""
    ordered = [only(group) for group in groups_of(stage)]
    assert len(ordered) == number, [action["Name"] for action in ordered]
    return ordered


def cloudformation_actions(stage: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the actions of a stage that deploy."""
    return [action for action in stage["Actions"] if action["ActionTypeId"]["Provider"] == "CloudFormation"]


def artifacts_read(configuration: Mapping[str, Any]) -> set[str]:
    """Return the artifacts that a CloudFormation action's configuration takes files from."""
    found = {str(value).partition("::")[0] for key, value in configuration.items() if key.startswith("Template")}
    overrides = json.loads(configuration.get("ParameterOverrides", "{}"))
    return found | {override["Fn::GetParam"][0] for override in overrides.values()}


def assert_known(value: Any, known: Mapping[str, set[str]], where: str) -> None:
    """Assert that every variable inside a value has been made by an earlier action."""
    texts = [text for text in walk(value) if isinstance(text, str)]
    for namespace, name in (found for text in texts for found in VARIABLE.findall(text)):
        assert name in known.get(namespace, set()), (where, namespace, name)


def variables_made(templates: Templates, source: str, action: Mapping[str, Any]) -> set[str]:
    """Return the variables that later actions can read of an action, as far as the templates say."""
    provider, configuration = action["ActionTypeId"]["Provider"], action["Configuration"]
    if provider == "CloudFormation" and configuration["ActionMode"] == "CHANGE_SET_EXECUTE":
        return set(templates["platform"]["Outputs"])
    if provider == "CodeBuild":
        specification = inline_buildspec(resources_with(templates, source)[configuration["ProjectName"]["Ref"]])
        return set(specification.get("env", {}).get("exported-variables", []))
    return set()


def inline_buildspec(project: Mapping[str, Any]) -> dict[str, Any]:
    """Return the build specification that a project brings along, or nothing where it follows the repository's."""
    text = project["Properties"]["Source"].get("BuildSpec")
    return dict(yaml.safe_load(text)) if text else {}


def roles_of(templates: Templates, module: str) -> dict[str, Any]:
    """Return the roles of a template by logical id."""
    return of_type(templates[module], "AWS::IAM::Role")


def role_name(templates: Templates, module: str, title: str) -> str:
    """Return the fixed name of a role."""
    name: str = templates[module]["Resources"][title]["Properties"]["RoleName"]
    return name


def resource_statements(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the statements of the policies of keys, buckets and topics of the tools account, with the logical id."""
    for key, kinds in (
        ("KeyPolicy", ["AWS::KMS::Key"]),
        ("PolicyDocument", ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"]),
    ):
        for kind in kinds:
            for root in ("tools_account", "pipeline"):
                for title, resource in of_type(templates[root], kind).items():
                    yield from ((title, statement) for statement in resource["Properties"][key]["Statement"])


def allowing(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the statements of a template's roles that allow something, with the logical id of their owner."""
    return ((owner, statement) for owner, statement in identity_statements(template) if statement["Effect"] == "Allow")


def rights_of(template: Template, role: str) -> list[dict[str, Any]]:
    """Return the statements of a role: those inside it, and those of the template's policies that it has."""
    managed = [policy.get("Ref") for policy in template["Resources"][role]["Properties"].get("ManagedPolicyArns", [])]
    return [statement for owner, statement in identity_statements(template) if owner in (role, *managed)]


def one_called(statements: list[dict[str, Any]], sid: str) -> dict[str, Any]:
    """Return the statement of a policy that has this id."""
    return only(statement for statement in statements if statement["Sid"] == sid)


def policies_of(resources: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """Return the policies inside a role."""
    policies: list[dict[str, Any]] = resources[role]["Properties"]["Policies"]
    return policies


def object_of(resource: Mapping[str, Any]) -> str:
    """Return bucket and key of an object's ARN: `ArtifactBucketName/*`."""
    found = re.fullmatch(r"arn:\$\{AWS::Partition\}:s3:::\$\{(\w+)\}/(.+)", resource["Fn::Sub"])
    assert found, resource
    return f"{found[1]}/{found[2]}"

"""Handlers of the other resource types that ministack lacks: IAM, watching, WAF, backup, containers, secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from generator.rehearsal.emulator_api import call, current_account_id
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, hexadecimal, picked, tag_map

# ---------------------------------------------------------------------------------------------------------------------
# IAM
# ---------------------------------------------------------------------------------------------------------------------


def _create_group(request: Request) -> Created:
    name = request.name("GroupName")
    group = call("iam", "CreateGroup", GroupName=name, **picked(request.properties, "Path"))["Group"]
    _give_policies(name, {}, request.properties)
    return name, {"Arn": group["Arn"]}


def _update_group(physical_id: str, old: Properties, request: Request) -> Created:
    _give_policies(physical_id, old, request.properties)
    return physical_id, {"Arn": call("iam", "GetGroup", GroupName=physical_id)["Group"]["Arn"]}


def _give_policies(group: str, old: Properties, new: Properties) -> None:
    for arn in set(old.get("ManagedPolicyArns", ())) - set(new.get("ManagedPolicyArns", ())):
        call("iam", "DetachGroupPolicy", GroupName=group, PolicyArn=arn)
    for arn in new.get("ManagedPolicyArns", ()):
        call("iam", "AttachGroupPolicy", GroupName=group, PolicyArn=arn)
    kept = {policy["PolicyName"] for policy in new.get("Policies", ())}
    for policy in old.get("Policies", ()):
        if policy["PolicyName"] not in kept:
            call("iam", "DeleteGroupPolicy", GroupName=group, PolicyName=policy["PolicyName"])
    for policy in new.get("Policies", ()):
        call("iam", "PutGroupPolicy", GroupName=group, **picked(policy, "PolicyName", "PolicyDocument"))


def _delete_group(physical_id: str, properties: Properties) -> None:
    _give_policies(physical_id, properties, {})
    call("iam", "DeleteGroup", GroupName=physical_id)


def _inline_policy(owner: str) -> ApiType:
    """AWS::IAM::RolePolicy, UserPolicy and GroupPolicy: one inline policy of one role, user or group."""
    key = f"{owner}Name"

    def create(request: Request) -> Created:
        call("iam", f"Put{owner}Policy", **picked(request.properties, key, "PolicyName", "PolicyDocument"))
        return f"{request.properties['PolicyName']}|{request.properties[key]}", {}

    def update(physical_id: str, old: Properties, request: Request) -> Created:
        return create(request)

    def delete(physical_id: str, properties: Properties) -> None:
        call("iam", f"Delete{owner}Policy", **picked(properties, key, "PolicyName"))

    return ApiType(create, delete, update)


def _create_membership(request: Request) -> Created:
    _set_members(request.properties["GroupName"], (), request.properties["Users"])
    physical_id = request.generated_name()
    return physical_id, {"Id": physical_id}


def _update_membership(physical_id: str, old: Properties, request: Request) -> Created:
    new = request.properties
    if old["GroupName"] != new["GroupName"]:
        _set_members(old["GroupName"], old["Users"], ())
        old = {"Users": ()}
    _set_members(new["GroupName"], old["Users"], new["Users"])
    return physical_id, {"Id": physical_id}


def _delete_membership(physical_id: str, properties: Properties) -> None:
    _set_members(properties["GroupName"], properties["Users"], ())


def _set_members(group: str, old: Iterable[str], new: Iterable[str]) -> None:
    for user in set(old) - set(new):
        call("iam", "RemoveUserFromGroup", GroupName=group, UserName=user)
    for user in new:
        call("iam", "AddUserToGroup", GroupName=group, UserName=user)


def _create_oidc_provider(request: Request) -> Created:
    wanted = request.properties
    answer = call(
        "iam",
        "CreateOpenIDConnectProvider",
        Url=wanted["Url"],
        ClientIDList=wanted.get("ClientIdList"),
        ThumbprintList=wanted.get("ThumbprintList"),
        Tags=wanted.get("Tags"),
    )
    arn: str = answer["OpenIDConnectProviderArn"]
    return arn, {"Arn": arn}


def _delete_oidc_provider(physical_id: str, properties: Properties) -> None:
    call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=physical_id)


# ---------------------------------------------------------------------------------------------------------------------
# Watching: trails, budgets, health checks, resource groups
# ---------------------------------------------------------------------------------------------------------------------


_TRAIL = (
    "S3BucketName",
    "S3KeyPrefix",
    "SnsTopicName",
    "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail",
    "EnableLogFileValidation",
    "CloudWatchLogsLogGroupArn",
    "CloudWatchLogsRoleArn",
    "IsOrganizationTrail",
)


def _trail(properties: Properties) -> Properties:
    wanted = picked(properties, *_TRAIL)
    if properties.get("KMSKeyId"):
        wanted["KmsKeyId"] = properties["KMSKeyId"]
    return wanted


def _create_trail(request: Request) -> Created:
    name = request.name("TrailName")
    trail = call(
        "cloudtrail", "CreateTrail", Name=name, TagsList=request.properties.get("Tags"), **_trail(request.properties)
    )
    _configure_trail(name, request.properties)
    return name, {"Arn": trail["TrailARN"], "SnsTopicArn": trail.get("SnsTopicARN", "")}


def _update_trail(physical_id: str, old: Properties, request: Request) -> Created:
    trail = call("cloudtrail", "UpdateTrail", Name=physical_id, **_trail(request.properties))
    _configure_trail(physical_id, request.properties)
    return physical_id, {"Arn": trail["TrailARN"], "SnsTopicArn": trail.get("SnsTopicARN", "")}


def _configure_trail(name: str, properties: Properties) -> None:
    selectors = picked(properties, "EventSelectors", "AdvancedEventSelectors")
    if selectors:
        call("cloudtrail", "PutEventSelectors", TrailName=name, **selectors)
    logging = str(properties["IsLogging"]).lower() == "true"
    call("cloudtrail", "StartLogging" if logging else "StopLogging", Name=name)


def _delete_trail(physical_id: str, properties: Properties) -> None:
    call("cloudtrail", "DeleteTrail", Name=physical_id)


def _create_budget(request: Request) -> Created:
    wanted = request.properties
    given = wanted["Budget"].get("BudgetName")
    name = given or request.generated_name(100)
    call(
        "budgets",
        "CreateBudget",
        AccountId=current_account_id(),
        Budget=wanted["Budget"] | {"BudgetName": name},
        NotificationsWithSubscribers=wanted.get("NotificationsWithSubscribers"),
        ResourceTags=wanted.get("ResourceTags"),
    )
    return name, {"Id": name}


def _update_budget(physical_id: str, old: Properties, request: Request) -> Created:
    budget = request.properties["Budget"] | {"BudgetName": physical_id}
    call("budgets", "UpdateBudget", AccountId=current_account_id(), NewBudget=budget)
    return physical_id, {"Id": physical_id}


def _delete_budget(physical_id: str, properties: Properties) -> None:
    call("budgets", "DeleteBudget", AccountId=current_account_id(), BudgetName=physical_id)


def _create_health_check(request: Request) -> Created:
    reference = hexadecimal(request.generated_name())
    configuration = request.properties["HealthCheckConfig"]
    check = call("route53", "CreateHealthCheck", CallerReference=reference, HealthCheckConfig=configuration)[
        "HealthCheck"
    ]
    return check["Id"], {"HealthCheckId": check["Id"]}


def _update_health_check(physical_id: str, old: Properties, request: Request) -> Created:
    fixed = ("Type", "MeasureLatency", "RequestInterval")
    changed = {name: value for name, value in request.properties["HealthCheckConfig"].items() if name not in fixed}
    call("route53", "UpdateHealthCheck", HealthCheckId=physical_id, **changed)
    return physical_id, {"HealthCheckId": physical_id}


def _delete_health_check(physical_id: str, properties: Properties) -> None:
    call("route53", "DeleteHealthCheck", HealthCheckId=physical_id)


def _create_resource_group(request: Request) -> Created:
    wanted = request.properties
    parameters = picked(wanted, "Description", "ResourceQuery", "Configuration")
    tags = tag_map(wanted.get("Tags")) or None
    group = call("resource-groups", "CreateGroup", Name=wanted["Name"], Tags=tags, **parameters)["Group"]
    return wanted["Name"], {"Arn": group["GroupArn"]}


def _update_resource_group(physical_id: str, old: Properties, request: Request) -> Created:
    wanted = request.properties
    group = call("resource-groups", "UpdateGroup", Group=physical_id, **picked(wanted, "Description"))["Group"]
    if "ResourceQuery" in wanted:
        call("resource-groups", "UpdateGroupQuery", Group=physical_id, ResourceQuery=wanted["ResourceQuery"])
    return physical_id, {"Arn": group["GroupArn"]}


def _delete_resource_group(physical_id: str, properties: Properties) -> None:
    call("resource-groups", "DeleteGroup", Group=physical_id)


# ---------------------------------------------------------------------------------------------------------------------
# WAF, backup, containers, secrets
# ---------------------------------------------------------------------------------------------------------------------


def _waf_set(kind: str, content: Callable[[Properties], Properties]) -> ApiType:
    """AWS::WAFv2::IPSet and RegexPatternSet; an update needs the lock token of the last change."""

    def create(request: Request) -> Created:
        name, scope = request.name("Name"), request.properties["Scope"]
        tags = request.properties.get("Tags") or None
        answer = call("wafv2", f"Create{kind}", Name=name, Scope=scope, Tags=tags, **content(request.properties))
        summary = answer["Summary"]
        return f"{name}|{summary['Id']}|{scope}", {"Arn": summary["ARN"], "Id": summary["Id"]}

    def update(physical_id: str, old: Properties, request: Request) -> Created:
        found = call("wafv2", f"Get{kind}", **_waf_key(physical_id))
        call(
            "wafv2",
            f"Update{kind}",
            LockToken=found["LockToken"],
            **_waf_key(physical_id),
            **{name: value for name, value in content(request.properties).items() if name != "IPAddressVersion"},
        )
        return physical_id, {"Arn": found[kind]["ARN"], "Id": found[kind]["Id"]}

    def delete(physical_id: str, properties: Properties) -> None:
        found = call("wafv2", f"Get{kind}", **_waf_key(physical_id))
        call("wafv2", f"Delete{kind}", LockToken=found["LockToken"], **_waf_key(physical_id))

    return ApiType(create, delete, update, has_tags=True)


def _waf_key(physical_id: str) -> Properties:
    name, identifier, scope = physical_id.split("|")
    return {"Name": name, "Id": identifier, "Scope": scope}


def _ip_set(properties: Properties) -> Properties:
    return picked(properties, "Addresses", "IPAddressVersion", "Description")


def _regex_set(properties: Properties) -> Properties:
    expressions = [{"RegexString": each} for each in properties["RegularExpressionList"]]
    return picked(properties, "Description") | {"RegularExpressionList": expressions}


def _create_acl_link(request: Request) -> Created:
    call("wafv2", "AssociateWebACL", **picked(request.properties, "WebACLArn", "ResourceArn"))
    return f"{request.properties['ResourceArn']}|{request.properties['WebACLArn']}", {}


def _delete_acl_link(physical_id: str, properties: Properties) -> None:
    call("wafv2", "DisassociateWebACL", ResourceArn=properties["ResourceArn"])


def _create_backup_selection(request: Request) -> Created:
    wanted = request.properties
    plan_id, selection = wanted["BackupPlanId"], wanted["BackupSelection"]
    answer = call("backup", "CreateBackupSelection", BackupPlanId=plan_id, BackupSelection=selection)
    physical_id = f"{answer['SelectionId']}_{plan_id}"
    return physical_id, {"SelectionId": answer["SelectionId"], "Id": physical_id}


def _delete_backup_selection(physical_id: str, properties: Properties) -> None:
    selection_id, plan_id = physical_id.split("_", 1)
    call("backup", "DeleteBackupSelection", BackupPlanId=plan_id, SelectionId=selection_id)


def _put_capacity_providers(request: Request) -> Created:
    wanted = request.properties
    strategy = [
        {name[0].lower() + name[1:]: value for name, value in each.items()}
        for each in wanted["DefaultCapacityProviderStrategy"]
    ]
    call(
        "ecs",
        "PutClusterCapacityProviders",
        cluster=wanted["Cluster"],
        capacityProviders=wanted.get("CapacityProviders", []),
        defaultCapacityProviderStrategy=strategy,
    )
    return wanted["Cluster"], {}


def _update_capacity_providers(physical_id: str, old: Properties, request: Request) -> Created:
    return _put_capacity_providers(request)


def _delete_capacity_providers(physical_id: str, properties: Properties) -> None:
    call(
        "ecs",
        "PutClusterCapacityProviders",
        cluster=physical_id,
        capacityProviders=[],
        defaultCapacityProviderStrategy=[],
    )


def _put_secret_policy(request: Request) -> Created:
    secret_id, policy = request.properties["SecretId"], request.properties["ResourcePolicy"]
    arn = call("secretsmanager", "PutResourcePolicy", SecretId=secret_id, ResourcePolicy=policy)["ARN"]
    return arn, {"Id": arn}


def _update_secret_policy(physical_id: str, old: Properties, request: Request) -> Created:
    return _put_secret_policy(request)


def _delete_secret_policy(physical_id: str, properties: Properties) -> None:
    call("secretsmanager", "DeleteResourcePolicy", SecretId=properties["SecretId"])


OTHER_TYPES: dict[str, ApiType] = {
    "AWS::Backup::BackupSelection": ApiType(_create_backup_selection, _delete_backup_selection),
    "AWS::Budgets::Budget": ApiType(_create_budget, _delete_budget, _update_budget),
    "AWS::CloudTrail::Trail": ApiType(_create_trail, _delete_trail, _update_trail, has_tags=True),
    "AWS::ECS::ClusterCapacityProviderAssociations": ApiType(
        _put_capacity_providers, _delete_capacity_providers, _update_capacity_providers
    ),
    "AWS::IAM::Group": ApiType(_create_group, _delete_group, _update_group),
    "AWS::IAM::GroupPolicy": _inline_policy("Group"),
    "AWS::IAM::OIDCProvider": ApiType(_create_oidc_provider, _delete_oidc_provider, has_tags=True),
    "AWS::IAM::RolePolicy": _inline_policy("Role"),
    "AWS::IAM::UserPolicy": _inline_policy("User"),
    "AWS::IAM::UserToGroupAddition": ApiType(_create_membership, _delete_membership, _update_membership),
    "AWS::ResourceGroups::Group": ApiType(
        _create_resource_group, _delete_resource_group, _update_resource_group, has_tags=True
    ),
    "AWS::Route53::HealthCheck": ApiType(_create_health_check, _delete_health_check, _update_health_check),
    "AWS::SecretsManager::ResourcePolicy": ApiType(_put_secret_policy, _delete_secret_policy, _update_secret_policy),
    "AWS::WAFv2::IPSet": _waf_set("IPSet", _ip_set),
    "AWS::WAFv2::RegexPatternSet": _waf_set("RegexPatternSet", _regex_set),
    "AWS::WAFv2::WebACLAssociation": ApiType(_create_acl_link, _delete_acl_link),
}

"""What CloudFormation is granted is what AWS's schemas list for our types, corrected for written reasons alone."""

from __future__ import annotations

import pytest

from generator.deployment_permissions import by_hand
from generator.deployment_permissions.iam_actions import READING, iam_actions, matching
from generator.deployment_permissions.needs import OPERATIONS, REGION, load_corrections, needs, unused_corrections
from generator.deployment_permissions.statements import generic_statements
from generator.errors import UserError
from generator.registry_schemas import handler_permissions
from tests.deployment_policies import DEPLOYED, Documents, documents_of, statements
from tests.intrinsics import Templates


@pytest.fixture(scope="module")
def documents(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Documents:
    return documents_of(tmp_path_factory.mktemp("release"), templates)


def granted(documents: Documents) -> set[str]:
    return {action for each in statements(documents) if each["Effect"] == "Allow" for action in each["Action"]}


def deployed_types(templates: Templates) -> set[str]:
    return {resource["Type"] for name in DEPLOYED for resource in templates[name]["Resources"].values()}


def test_every_call_of_every_handler_is_granted_or_dropped_for_a_reason(
    templates: Templates, documents: Documents
) -> None:
    known = load_corrections()
    names = {name for pattern in granted(documents) for name in matching(pattern)}
    for type_name in deployed_types(templates) - known["missing"].keys():
        handlers = handler_permissions(type_name, REGION)
        for pattern in {action for operation in OPERATIONS for action in handlers.get(operation, ())}:
            entries = [entry for entry in known["dropped"] if type_name in entry.get("types", [type_name])]
            dropped = any(
                set(matching(pattern)) <= set(matching(each)) for entry in entries for each in entry["actions"]
            )
            assert dropped or set(matching(pattern)) <= names, (type_name, pattern)


def test_every_correction_says_why_and_still_corrects_something(templates: Templates) -> None:
    known = load_corrections()
    entries = [entry for name in ("dropped", "by_hand", "added", "compacted") for entry in known[name]]
    assert all(len(entry["reason"]) > 15 for entry in [*entries, *known["missing"].values()])
    sources = [entry["source"] for entry in [*known["added"], *known["missing"].values()]]
    assert all(source.startswith("https://docs.aws.amazon.com/") for source in sources)
    assert {entry["type"] for entry in known["added"]} <= deployed_types(templates)
    assert unused_corrections(deployed_types(templates)) == []


def test_what_is_granted_by_hand_stands_in_the_statement_that_is_named(
    templates: Templates, documents: Documents
) -> None:
    by_sid = {each["Sid"]: set(each.get("Action", [])) for each in statements(documents)}
    entries = load_corrections()["by_hand"]
    needed = needs(deployed_types(templates)).by_hand
    for entry in entries:
        asked_for = set(entry["actions"]) & needed.keys()
        assert asked_for, entry["statement"]
        found = [actions for sid, actions in by_sid.items() if sid.startswith(entry["statement"])]
        assert found, entry["statement"]
        assert asked_for <= set.union(*found), entry["statement"]


def test_what_a_read_handler_lists_is_granted_unless_it_is_said_that_it_never_asks() -> None:
    """A read handler asks for all properties; but the one of an association asks the service of its load balancer."""
    of_association = {need.action for need in needs(["AWS::WAFv2::WebACLAssociation"]).generic}
    assert not [action for action in of_association if action.startswith("ec2:")]
    known = load_corrections()
    entries = [{key: value for key, value in entry.items() if key != "reads"} for entry in known["dropped"]]
    without = needs(["AWS::WAFv2::WebACLAssociation"], {**known, "dropped": entries})
    assert "ec2:GetVerifiedAccessInstanceWebAcl" in {need.action for need in without.generic}


def test_an_unknown_type_fails_the_generation_in_words() -> None:
    with pytest.raises(UserError, match=r"corrections\.yaml: AWS::Nothing::Known: .*under `missing`"):
        needs(["AWS::Nothing::Known"])


def test_an_action_that_iam_does_not_know_fails_the_generation_in_words() -> None:
    known = {**load_corrections(), "missing": {"AWS::Made::Up": {"actions": ["made:Up"]}}}
    with pytest.raises(UserError, match=r"made:Up, which AWS::Made::Up\.update calls, is no action that IAM knows"):
        needs(["AWS::Made::Up"], known)


def test_a_resource_that_nobody_can_recognise_fails_the_generation_in_words() -> None:
    known = {**load_corrections(), "missing": {"AWS::Made::Up": {"actions": ["ec2:DeleteVolume"]}}}
    with pytest.raises(UserError, match=r"ec2:DeleteVolume, .* works on volume, and .*scopes\.py does not say"):
        generic_statements(needs(["AWS::Made::Up"], known))


def test_a_role_whose_name_would_be_cut_fails_the_generation_in_words() -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    with pytest.raises(UserError, match="at most 24 characters"):
        by_hand.pass_roles([{"Resources": {"RoleOfAVeryLongNameIndeed": role}}])


def test_iam_knows_every_action_that_is_allowed_or_refused(documents: Documents) -> None:
    for statement in statements(documents):
        for action in statement.get("Action", statement.get("NotAction")):
            assert matching(action), action


def test_wildcards_stand_for_descriptions_alone(documents: Documents) -> None:
    wild = {action for action in granted(documents) if "*" in action}
    for action in {name for pattern in wild for name in matching(pattern)}:
        assert iam_actions()[action].level in READING, action
        assert action not in ("s3:GetObject", "secretsmanager:GetSecretValue", "ssm:GetParameter"), action
    assert wild == {
        "autoscaling:Describe*",
        "ec2:Describe*",
        "elasticfilesystem:Describe*",
        "elasticloadbalancing:Describe*",
        "rds:Describe*",
        "s3:Get*Configuration",
        "s3:GetBucket*",
    }

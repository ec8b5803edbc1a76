"""E2, E5, D9: how people, other networks and workflows get in."""

from __future__ import annotations

import pytest

from tests import access_claims
from tests.access_claims import EVERYTHING, access
from tests.intrinsics import Templates, of_type, resolve

MODES = ("ssm", "ssh", "none")


def test_e5_bastion_stands_where_its_mode_says(templates: Templates) -> None:
    access_claims.check_the_bastion_stands_where_its_mode_says(templates)


def test_d9_bastion_has_the_rights_of_its_mode(templates: Templates) -> None:
    access_claims.check_the_bastion_has_the_rights_of_its_mode(templates)


def test_e5_sessions_are_on_the_bastion_and_recorded(templates: Templates) -> None:
    access_claims.check_sessions_are_on_the_bastion_and_recorded(templates)


def test_e5_name_that_operators_may_enter_is_the_bastions(templates: Templates) -> None:
    access_claims.check_the_name_that_operators_may_enter_is_the_bastions(templates)


def test_e2_operators_user_may_only_become_operator(templates: Templates) -> None:
    access_claims.check_an_operators_user_may_only_become_operator(templates)


def test_d9_operators_show_their_device_within_the_hour(templates: Templates) -> None:
    access_claims.check_operators_show_their_device_within_the_hour(templates)


def test_d9_operators_change_no_resource(templates: Templates) -> None:
    access_claims.check_operators_change_no_resource(templates)


def test_d9_operators_reach_their_environment_alone(templates: Templates) -> None:
    access_claims.check_operators_reach_their_environment_alone(templates)


def test_nothing_of_the_platform_waits_for_access(templates: Templates) -> None:
    access_claims.check_nothing_of_the_platform_waits_for_access(templates)


def test_d1_what_is_not_asked_for_is_not_there(templates: Templates) -> None:
    access_claims.check_what_is_not_asked_for_is_not_there(templates)


@pytest.mark.parametrize(("address", "given"), [("198.51.100.10", {"Ref": "VpnConnection"}), ("", "none")])
def test_vpn_is_given_out_where_there_is_one(templates: Templates, address: str, given: object) -> None:
    template = templates["access"]
    value = template["Outputs"]["VpnConnectionId"]["Value"]
    assert resolve(value, template, {"VpnGatewayAddress": address}) == given


def test_d8_vpn_speaks_strong_algorithms_only(templates: Templates) -> None:
    access_claims.check_the_vpn_speaks_strong_algorithms_only(templates)


def test_d8_vpn_leads_to_public_and_private_subnets_only(templates: Templates) -> None:
    access_claims.check_the_vpn_leads_to_public_and_private_subnets_only(templates)


def test_d9_only_the_named_workflow_publishes(templates: Templates) -> None:
    access_claims.check_only_the_named_workflow_publishes(templates)


@pytest.mark.parametrize("mode", MODES)
def test_e2_people_are_there_in_every_mode(templates: Templates, mode: str) -> None:
    assert {"OperatorUser", "OperatorGroup", "OperatorRole"} <= access(templates, mode).keys()


@pytest.mark.parametrize(("zones", "count"), [("2", 3), ("3", 4)])
def test_d1_every_table_of_the_zones_learns_the_way_to_the_vpn(templates: Templates, zones: str, count: int) -> None:
    resources = access(templates, "none", EVERYTHING | {"ZoneCount": zones})
    assert len(of_type({"Resources": resources}, "AWS::EC2::Route")) == count


def test_e5_script_says_which_way_in_there_is(templates: Templates) -> None:
    """Where Session Manager is the way in, nobody listens on port 22."""
    data = access(templates, "ssm")["BastionLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    script = data["UserData"]["Fn::Base64"]
    assert "readonly ACCESS_MODE='ssm'\n" in script
    assert "systemctl disable --now sshd" in script


def test_session_document_changes_in_place(templates: Templates) -> None:
    """Replaced, it would have another name than the one in people's commands."""
    assert templates["access"]["Resources"]["SessionDocument"]["Properties"]["UpdateMethod"] == "NewVersion"

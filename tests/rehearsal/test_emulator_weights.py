"""Rules with several target groups keep their weights, show them, and share requests out by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from guarded_patches import (
    Patch,
    assert_notices_another_function,
    assert_notices_another_handler,
    patches_of,
)
from hypothesis import given
from hypothesis import strategies as st
from load_balancers import Balancer, Server

from generator.rehearsal import emulator_weights
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PROVISIONERS
from generator.rehearsal.emulator_instances import attend, leave
from generator.rehearsal.emulator_weights import LOAD_BALANCERS, WEIGHTS, Action, _turns, shares

TEMPLATE = """
Parameters:
  Listener: {Type: String}
  Blue: {Type: String}
  Green: {Type: String}
  Share: {Type: Number}
  Rest: {Type: Number}
Resources:
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 100
      Conditions: [{Field: path-pattern, PathPatternConfig: {Values: [/weighted]}}]
      Actions:
        - Type: forward
          ForwardConfig:
            TargetGroups:
              - {TargetGroupArn: !Ref Blue, Weight: !Ref Rest}
              - {TargetGroupArn: !Ref Green, Weight: !Ref Share}
Outputs:
  Rule: {Value: !Ref Rule}
"""


class Fleets:
    """Two target groups with a server each behind one load balancer."""

    def __init__(self, balancer: Balancer, servers: list[Server]) -> None:
        self.balancer = balancer
        self.blue, self.green = balancer.group, balancer.new_group("green")
        balancer.register(self.green, "i-3")
        addresses = {"i-1": servers[0].address, "i-2": servers[0].address, "i-3": servers[1].address}
        balancer.has_healthy(addresses, {self.blue: ["i-1", "i-2"], self.green: ["i-3"]})

    def forward(self, blue: int, green: int) -> list[Action]:
        groups = [{"TargetGroupArn": self.blue, "Weight": blue}, {"TargetGroupArn": self.green, "Weight": green}]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]

    def weights(self, rule: str) -> list[int]:
        [found] = self.balancer.elb.describe_rules(RuleArns=[rule])["Rules"]
        [action] = found["Actions"]
        assert "TargetGroupArn" not in action
        return [each["Weight"] for each in action["ForwardConfig"]["TargetGroups"]]

    def answers(self, count: int, path: str = "/weighted", **headers: str) -> Counter[str]:
        balancer = self.balancer
        return Counter(balancer.ask(path=path, **headers).data.decode().split()[0] for _ in range(count))


@pytest.fixture(scope="module")
def fleets(emulator: Emulator) -> Iterator[Fleets]:
    servers = [Server("blue"), Server("green")]
    balancer = Balancer(emulator, "HTTP")
    attend(emulator.directory, [balancer.account.account_id])
    yield Fleets(balancer, servers)
    leave(emulator.directory)
    for each in servers:
        each.stop()


def test_weights_of_a_request_are_shown_and_followed(fleets: Fleets) -> None:
    elb = fleets.balancer.elb
    elb.modify_listener(ListenerArn=fleets.balancer.listener, DefaultActions=fleets.forward(90, 10))
    [listener] = elb.describe_listeners(ListenerArns=[fleets.balancer.listener])["Listeners"]
    assert [each["Weight"] for each in listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]] == [90, 10]
    assert fleets.answers(10, "/") == {"blue": 9, "green": 1}
    elb.modify_listener(ListenerArn=fleets.balancer.listener, DefaultActions=fleets.forward(0, 100))
    assert fleets.answers(4, "/") == {"green": 4}


def test_weights_of_a_template_change_with_its_parameters(fleets: Fleets) -> None:
    account = fleets.balancer.account
    given = {"Listener": fleets.balancer.listener, "Blue": fleets.blue, "Green": fleets.green}
    stack = account.deploy("weights", TEMPLATE, **given, Rest="50", Share="50")
    rule = account.outputs(stack)["Rule"]
    assert fleets.weights(rule) == [50, 50]
    assert fleets.answers(4) == {"blue": 2, "green": 2}
    account.deploy("weights", TEMPLATE, "UPDATE", **given, Rest="0", Share="100")
    assert fleets.weights(rule) == [0, 100]
    assert fleets.answers(3) == {"green": 3}
    account.delete("weights")


def test_a_rule_by_a_secret_header_comes_before(fleets: Fleets) -> None:
    elb = fleets.balancer.elb
    header = {"HttpHeaderName": "X-Test", "Values": ["secret"]}
    made = elb.create_rule(
        ListenerArn=fleets.balancer.listener,
        Priority=50,
        Conditions=[{"Field": "http-header", "HttpHeaderConfig": header}],
        Actions=fleets.forward(0, 1),
    )["Rules"][0]["RuleArn"]
    elb.modify_listener(ListenerArn=fleets.balancer.listener, DefaultActions=fleets.forward(1, 0))
    assert fleets.answers(2, "/", **{"x-test": "secret"}) == {"green": 2}
    assert fleets.answers(2, "/", **{"x-test": "guessed"}) == {"blue": 2}
    elb.delete_rule(RuleArn=made)


def test_a_group_without_targets_gets_its_share_all_the_same(fleets: Fleets) -> None:
    elb = fleets.balancer.elb
    empty = fleets.balancer.new_group("empty")
    groups = [{"TargetGroupArn": fleets.blue, "Weight": 1}, {"TargetGroupArn": empty, "Weight": 1}]
    elb.modify_listener(
        ListenerArn=fleets.balancer.listener,
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )
    assert Counter(fleets.balancer.ask().status for _ in range(4)) == {201: 2, 503: 2}


def test_a_target_group_in_use_is_not_deleted(fleets: Fleets) -> None:
    balancer = fleets.balancer
    spare = balancer.new_group("spare")
    action = {"Type": "forward", "TargetGroupArn": spare}
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/spare"]}}
    rule = balancer.elb.create_rule(
        ListenerArn=balancer.listener, Priority=7, Conditions=[condition], Actions=[action]
    )["Rules"][0]["RuleArn"]
    with pytest.raises(balancer.elb.exceptions.ResourceInUseException):
        balancer.elb.delete_target_group(TargetGroupArn=spare)
    balancer.elb.delete_rule(RuleArn=rule)
    balancer.elb.delete_target_group(TargetGroupArn=spare)


def test_a_stack_does_not_delete_a_target_group_in_use(fleets: Fleets) -> None:
    account, balancer = fleets.balancer.account, fleets.balancer
    template = """
Parameters: {Vpc: {Type: String}}
Resources:
  Group: {Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: {VpcId: !Ref Vpc, Port: 80, Protocol: HTTP}}
"""
    account.deploy("group-in-use", template, Vpc=balancer.vpc)
    group = account.child("group-in-use", "Group")
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/used"]}}
    rule = balancer.elb.create_rule(
        ListenerArn=balancer.listener,
        Priority=8,
        Conditions=[condition],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Rules"][0]["RuleArn"]
    assert account.delete("group-in-use")["StackStatus"] == "DELETE_FAILED"
    assert "is currently in use" in account.failures("group-in-use")
    balancer.elb.delete_rule(RuleArn=rule)
    assert account.delete("group-in-use")["StackStatus"] == "DELETE_COMPLETE"


@given(st.lists(st.integers(0, 999), min_size=2, max_size=5).filter(any), st.integers(0, 500))
def test_any_stretch_of_requests_has_its_shares(weights: list[int], start: int) -> None:
    among = tuple((f"group-{number}", weight) for number, weight in enumerate(weights))
    turns = _turns.__wrapped__(among)
    for _ in range(start):
        next(turns)
    total = sum(weights)
    counted = Counter(next(turns) for _ in range(total))
    assert counted == {arn: weight for arn, weight in among if weight}


def test_a_single_group_needs_no_weight() -> None:
    assert shares({"Type": "forward", "TargetGroupArn": "arn"}) == (("arn", 1),)
    assert shares({"Type": "redirect"}) == ()


GUARDED: list[tuple[Patch, str, str]] = [
    (emulator_weights.weights_of_rules, LOAD_BALANCERS, "_parse_actions"),
    (emulator_weights.weights_of_rules, PROVISIONERS, "_elbv2_listener_actions"),
    (emulator_weights.weights_shown, LOAD_BALANCERS, "_action_xml"),
    (emulator_weights.weights_followed, LOAD_BALANCERS, "_execute_actions"),
]


@pytest.mark.parametrize(("patch", "module", "name"), GUARDED)
def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch, patch: Patch, module: str, name: str) -> None:
    for each in {(of, function) for _, of, function in GUARDED}:
        target: Any = import_module(each[0])
        monkeypatch.setattr(target, each[1], getattr(target, each[1]))
    assert_notices_another_function(monkeypatch, patch, module, name)


def test_another_handler_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_notices_another_handler(monkeypatch, emulator_weights.groups_in_use, emulator_weights.TARGET_GROUP)


def test_every_patch_is_applied_and_guarded() -> None:
    guarded = {patch for patch, _, _ in GUARDED} | {emulator_weights.groups_in_use}
    assert set(WEIGHTS) == guarded == patches_of([emulator_weights]) - {emulator_weights.groups_of_load_balancers}

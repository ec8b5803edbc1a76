"""A load balancer of the emulator reaches the instances behind it, and says how healthy they are."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from load_balancers import HEALTHY, UNHEALTHY, Balancer, Server

from generator.rehearsal import emulator_targets
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_instances import attend, leave
from generator.rehearsal.emulator_tasks import target_key
from generator.rehearsal.running_programs import free_port


@pytest.fixture
def balancer(emulator: Emulator) -> Iterator[Balancer]:
    made = Balancer(emulator, "HTTP")
    attend(emulator.directory, [made.account.account_id])
    yield made
    leave(emulator.directory)


@pytest.fixture
def servers() -> Iterator[dict[str, tuple[str, int]]]:
    made = [Server("one"), Server("two")]
    yield {"i-1": made[0].address, "i-2": made[1].address}
    for each in made:
        each.stop()


def test_requests_go_to_healthy_targets_in_turn(balancer: Balancer, servers: dict[str, tuple[str, int]]) -> None:
    balancer.knows(servers, i_1=HEALTHY, i_2=HEALTHY)
    answers = balancer.answers(4)
    assert sorted(answers) == ["one", "one", "two", "two"]
    assert answers[:2] == answers[2:]
    balancer.knows(servers, i_1=UNHEALTHY, i_2=HEALTHY)
    assert set(balancer.answers(4)) == {"two"}


def test_it_fails_open(balancer: Balancer, servers: dict[str, tuple[str, int]]) -> None:
    balancer.knows(servers, i_1=UNHEALTHY, i_2=UNHEALTHY)
    assert set(balancer.answers(4)) == {"one", "two"}


def test_all_of_a_request_and_of_its_answer_is_passed_on(
    balancer: Balancer, servers: dict[str, tuple[str, int]]
) -> None:
    balancer.knows(servers, i_1=HEALTHY)
    answer = balancer.ask("POST", "/a%20b?c=d%26e", "content")
    assert (answer.status, answer.data.decode()) == (201, "one POST /a%20b?c=d%26e http content")
    assert answer.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_targets_are_spoken_to_in_the_protocol_of_their_group(emulator: Emulator, tmp_path: Path) -> None:
    made, server = Balancer(emulator, "HTTPS"), Server("secret", tmp_path)
    attend(emulator.directory, [made.account.account_id])
    try:
        made.knows({"i-1": server.address}, i_1=HEALTHY)
        assert made.ask().data.decode() == "secret GET /a?b=c http "
    finally:
        leave(emulator.directory)
        server.stop()


def test_tasks_are_known_by_account_and_address(balancer: Balancer, servers: dict[str, tuple[str, int]]) -> None:
    tasks = balancer.new_group("tasks", target_type="ip")
    balancer.elb.modify_listener(
        ListenerArn=balancer.listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": tasks}]
    )
    balancer.register(tasks, "10.0.1.4")
    addresses = {
        target_key(balancer.account.account_id, "10.0.1.4"): servers["i-1"],
        target_key("999999999999", "10.0.1.4"): servers["i-2"],
    }
    balancer.has_healthy(addresses, {tasks: ["10.0.1.4"]})
    assert balancer.answers(2) == ["one", "one"]


@pytest.mark.parametrize("addresses", [{}, {"i-1": ("127.0.0.1", free_port())}])
def test_a_target_that_does_not_answer_is_a_bad_gateway(
    balancer: Balancer, addresses: dict[str, tuple[str, int]]
) -> None:
    balancer.knows(addresses, i_1=HEALTHY)
    answer = balancer.ask()
    assert answer.status == 502
    assert "502 Bad Gateway" in answer.data.decode()


def test_without_targets_the_service_is_unavailable(balancer: Balancer) -> None:
    balancer.elb.deregister_targets(TargetGroupArn=balancer.group, Targets=[{"Id": "i-1"}, {"Id": "i-2"}])
    assert balancer.ask().status == 503


def test_health_is_what_the_checks_found(balancer: Balancer) -> None:
    balancer.knows({}, i_1=UNHEALTHY)
    assert balancer.states() == {
        "i-1": ("unhealthy", "Target.Timeout", "Request timed out"),
        "i-2": ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress"),
    }


def test_where_nobody_attends_all_targets_count_as_healthy(emulator: Emulator) -> None:
    made = Balancer(emulator, "HTTP")
    assert made.states() == {"i-1": ("healthy",), "i-2": ("healthy",)}


def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    service = import_module("ministack.services.alb")
    monkeypatch.setattr(service, "_forward_to_tg", lambda renamed: None)
    with pytest.raises(PatchError, match="_forward_to_tg takes"):
        emulator_targets.targets_that_answer()
    monkeypatch.setattr(service, "_ACTION_MAP", {})
    with pytest.raises(PatchError, match="has no action DescribeTargetHealth"):
        emulator_targets.health_of_targets()

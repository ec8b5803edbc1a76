"""What an upgrade did is seen in physical ids and events, and compared with what was predicted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.changes import ChangeAction, Impact, Replacement, ResourceChange
from generator.checks.update_behaviour import Behaviour
from generator.delivery.deploy import NESTED, Deployment, Event
from generator.rehearsal import upgrade
from generator.rehearsal.upgrade import (
    ADDED,
    MODIFIED,
    REMOVED,
    REPLACED,
    Difference,
    differences,
    observed,
    physical_ids,
    predicted,
)

TOPIC = "AWS::SNS::Topic"


def resource(logical_id: str, physical_id: str, kind: str = TOPIC, status: str = "CREATE_COMPLETE") -> dict[str, str]:
    return {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": kind,
        "ResourceStatus": status,
    }


def event(stack: str, logical_id: str, status: str = "UPDATE_COMPLETE", kind: str = TOPIC) -> Event:
    return Event(stack, logical_id, kind, status, "", datetime.now(UTC))


AFTER = Deployment(
    "web-platform-dev",
    resources={
        "": [resource("Network", "arn:network", NESTED), resource("Alarm", "alarm-1")],
        "Network": [
            resource("Kept", "kept-1"),
            resource("Changed", "changed-1"),
            resource("Replaced", "replaced-2"),
            resource("New", "new-1"),
            resource("Gone", "gone-1", status="DELETE_COMPLETE"),
            {"LogicalResourceId": "Waiting", "ResourceType": TOPIC, "ResourceStatus": "CREATE_IN_PROGRESS"},
        ],
    },
    events=[
        event("", "Network", kind=NESTED),
        event("", "Alarm"),
        event("Network", "Changed"),
        event("Network", "Replaced"),
        event("Network", "Kept", "UPDATE_IN_PROGRESS"),
        event("Network", "New", "CREATE_COMPLETE"),
    ],
)

BEFORE = {
    "Alarm": (TOPIC, "alarm-1"),
    "Network/Kept": (TOPIC, "kept-1"),
    "Network/Changed": (TOPIC, "changed-1"),
    "Network/Replaced": (TOPIC, "replaced-1"),
    "Network/Gone": (TOPIC, "gone-1"),
}


def test_physical_ids_are_by_address_without_nested_stacks_and_what_is_deleted() -> None:
    assert physical_ids(AFTER) == {
        "Alarm": (TOPIC, "alarm-1"),
        "Network/Kept": (TOPIC, "kept-1"),
        "Network/Changed": (TOPIC, "changed-1"),
        "Network/Replaced": (TOPIC, "replaced-2"),
        "Network/New": (TOPIC, "new-1"),
        "Network/Waiting": (TOPIC, ""),
    }


FORESEEN = {"Alarm": MODIFIED, "Network/Kept": MODIFIED, "Network/Changed": REPLACED}


def test_what_a_deployment_did_is_seen() -> None:
    assert observed(BEFORE, AFTER, FORESEEN) == {
        "Alarm": MODIFIED,
        "Network/Changed": MODIFIED,
        "Network/Replaced": REPLACED,
        "Network/New": ADDED,
        "Network/Waiting": ADDED,
        "Network/Gone": REMOVED,
    }


def test_an_update_of_what_was_not_foreseen_is_the_emulator_s_way_of_speaking() -> None:
    seen = observed(BEFORE, AFTER, {})
    assert seen.keys() == {"Network/Replaced", "Network/New", "Network/Waiting", "Network/Gone"}


def test_another_type_under_the_same_name_is_a_replacement() -> None:
    before = {"Alarm": ("AWS::SQS::Queue", "alarm-1")}
    assert observed(before, Deployment("dev", resources={"": [resource("Alarm", "alarm-1")]}), {}) == {
        "Alarm": REPLACED
    }


def change(address: str, action: ChangeAction, replacement: Replacement) -> ResourceChange:
    return ResourceChange(action, address, TOPIC, replacement, Behaviour.NO_INTERRUPTION, (), ())


@pytest.mark.parametrize(
    ("action", "replacement", "word"),
    [
        (ChangeAction.ADD, Replacement.FALSE, ADDED),
        (ChangeAction.REMOVE, Replacement.FALSE, REMOVED),
        (ChangeAction.MODIFY, Replacement.FALSE, MODIFIED),
        (ChangeAction.MODIFY, Replacement.CONDITIONAL, MODIFIED),
        (ChangeAction.MODIFY, Replacement.TRUE, REPLACED),
    ],
)
def test_an_impact_is_put_in_our_words(action: ChangeAction, replacement: Replacement, word: str) -> None:
    assert predicted(Impact((change("Network/Vpc", action, replacement),), (), (), ())) == {"Network/Vpc": word}


@pytest.mark.parametrize(
    ("kind", "foreseen", "done", "explained"),
    [
        (TOPIC, REPLACED, MODIFIED, True),
        (TOPIC, REPLACED, "", True),
        (TOPIC, REPLACED, REMOVED, False),
        (TOPIC, MODIFIED, REPLACED, False),
        (TOPIC, "", REPLACED, False),
        ("AWS::SQS::Queue", REPLACED, MODIFIED, False),
    ],
)
def test_only_a_replacement_that_the_emulator_does_not_make_is_explained(
    monkeypatch: pytest.MonkeyPatch, kind: str, foreseen: str, done: str, explained: bool
) -> None:
    monkeypatch.setattr(upgrade, "DEVIATIONS", {TOPIC: "the emulator has its own ways"})
    explanation = Difference("A", kind, foreseen, done).explanation
    assert explanation == ("the emulator has its own ways" if explained else "")


CHANGES = st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from([ADDED, REMOVED, REPLACED, MODIFIED]))


@given(CHANGES, CHANGES)
def test_differences_are_what_is_not_the_same_on_both_sides(foreseen: dict[str, str], done: dict[str, str]) -> None:
    found = differences(foreseen, done, dict.fromkeys("ABCD", TOPIC))
    assert found == [
        Difference(address, TOPIC if address != "E" else "", foreseen.get(address, ""), done.get(address, ""))
        for address in "ABCDE"
        if foreseen.get(address) != done.get(address)
    ]


IDS = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["one", "two"]))


@given(IDS, IDS, st.sets(st.sampled_from("ABCD")), st.sets(st.sampled_from("ABCD")))
def test_every_resource_has_one_fate(
    before: dict[str, str], after: dict[str, str], updated: set[str], foreseen: set[str]
) -> None:
    deployment = Deployment(
        "dev",
        resources={"": [resource(name, physical_id) for name, physical_id in after.items()]},
        events=[event("", name) for name in updated],
    )
    known = {name: (TOPIC, physical_id) for name, physical_id in before.items()}
    fate = observed(known, deployment, dict.fromkeys(foreseen, MODIFIED))
    for name in "ABCD":
        match name in before, name in after:
            case False, False:
                assert name not in fate
            case False, True:
                assert fate[name] == ADDED
            case True, False:
                assert fate[name] == REMOVED
            case _:
                same = MODIFIED if name in updated & foreseen else None
                assert fate.get(name) == (same if before[name] == after[name] else REPLACED)

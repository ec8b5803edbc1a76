"""Removed and added resources that are probably the same one."""

from __future__ import annotations

from typing import Any

from generator.checks.renames import rename_notes
from generator.resolver import Resource
from tests.releases import REGION


def resource(address: str, type_name: str = "AWS::SQS::Queue", **properties: Any) -> Resource:
    stack, _, logical_id = address.rpartition("/")
    return Resource(stack, logical_id, type_name, properties, {}, None, "test.yaml", ())


def pairs(notes: dict[str, list[str]]) -> dict[str, str]:
    """Return, for each removed resource, what it is said to look like now."""
    texts = {address: " ".join(lines) for address, lines in notes.items()}
    return {
        address: text.partition(": ")[2].partition(" has ")[0]
        for address, text in texts.items()
        if " of its properties" in text
    }


def test_the_most_alike_become_a_pair_and_each_only_once() -> None:
    removed = [resource("A/One", P=1, Q=1, R=1), resource("A/Two", P=2, Q=2, R=2)]
    added = [
        resource("A/Second", P=2, Q=2, R=0),
        resource("A/First", P=1, Q=1, R=1),
        resource("A/Third", P=1, Q=1, R=0),
    ]
    notes = rename_notes(removed, added, REGION)
    assert pairs(notes) == {"A/One": "A/First", "A/Two": "A/Second"}
    assert {address: len(texts) for address, texts in notes.items()} == dict.fromkeys(
        ["A/One", "A/First", "A/Two", "A/Second"], 1
    )


def test_among_equals_the_same_name_in_another_stack_wins() -> None:
    removed = [resource("A/Queue", P=1), resource("A/Other", P=1)]
    added = [resource("B/Other", P=1), resource("B/Queue", P=1)]
    notes = rename_notes(removed, added, REGION)
    assert pairs(notes) == {"A/Queue": "B/Queue", "A/Other": "B/Other"}
    assert "moved to another stack" in notes["A/Queue"][0]


def test_half_of_the_properties_is_not_enough() -> None:
    assert rename_notes([resource("A/One", P=1, Q=1)], [resource("A/Two", P=1, Q=2)], REGION) == {}


def test_other_types_are_never_alike() -> None:
    assert rename_notes([resource("A/One", P=1)], [resource("A/Two", "AWS::SNS::Topic", P=1)], REGION) == {}
    stack = "AWS::CloudFormation::Stack"
    assert rename_notes([resource("One", stack, P=1)], [resource("Two", stack, P=1)], REGION) == {}


def test_a_name_that_is_still_taken_is_told_however_different_the_rest_is() -> None:
    removed = [resource("A/One", QueueName="orders", P=1, Q=1)]
    added = [resource("A/Two", QueueName="orders", P=2, Q=2)]
    assert rename_notes(removed, added, REGION) == {
        "A/Two": [
            "CloudFormation creates before it deletes: the QueueName 'orders' is still taken by A/One, and this fails."
        ]
    }

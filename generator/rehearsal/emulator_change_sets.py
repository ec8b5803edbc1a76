"""Change sets under trouble: stacks that cannot be updated, requests tried again, two makers of a change set at once.

ministack 1.5.33 accepts what AWS refuses, and does twice what AWS does once.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_guards import Response, guarded, wrap_action

HANDLERS, ACTIONS = "ministack.services.cloudformation.handlers", "_ACTION_HANDLERS"
IN_REVIEW = "REVIEW_IN_PROGRESS"

NOT_UPDATABLE = (
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "DELETE_FAILED",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_FAILED",
)
"""States, besides those in progress, in which a stack takes no change set before it is deleted or rolled back.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html"""


def refused_change_sets() -> None:
    """A stack that is being worked on, or whose creation failed, takes no change set.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    error = guarded("ministack.services.cloudformation.helpers", "_error", "code", "message", "status")

    def refusing(original: Any) -> Any:
        def create(params: dict[str, Any]) -> Response:
            stack = _stack(params)
            status = stack["StackStatus"] if stack else ""
            if stack and (status in NOT_UPDATABLE or (status.endswith("_IN_PROGRESS") and status != IN_REVIEW)):
                where = f"Stack:{stack['StackId']} is in {status} state and can not be updated."
                refused: Response = error("ValidationError", where, 400)
                return refused
            answer: Response = original(params)
            return answer

        return create

    wrap_action(HANDLERS, "CreateChangeSet", refusing, ACTIONS)


def requests_tried_again() -> None:
    """A request that comes again with its token is answered as before, and nothing is done twice.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
    """
    for action, token in (("CreateChangeSet", "ClientToken"), ("ExecuteChangeSet", "ClientRequestToken")):
        _answer_once(action, token)


def change_sets_of_stacks_in_review() -> None:
    """A stack in REVIEW_IN_PROGRESS keeps its id when another change set is made for it.

    ministack puts a new stack of the same name in its place, so that two change sets could both create it.
    """

    def keeping(original: Any) -> Any:
        def create(params: dict[str, Any]) -> Response:
            before = _stack(params)
            answer: Response = original(params)
            after = _stack(params)
            if before is None or before["StackStatus"] != IN_REVIEW or after is before or after is None:
                return answer
            return _as_before(answer, after, before["StackId"])

        return create

    wrap_action(HANDLERS, "CreateChangeSet", keeping, ACTIONS)


def _as_before(answer: Response, stack: dict[str, Any], former_id: str) -> Response:
    """Give a stack in review, its events and its newest change set the id that it had; return the answer with it."""
    cloudformation = import_module("ministack.services.cloudformation")
    new_id, stack["StackId"] = stack["StackId"], former_id
    events, change_sets = cloudformation._stack_events, cloudformation._change_sets
    for event in events.pop(new_id, []):  # one: that it is in review
        events.setdefault(former_id, []).append({**event, "StackId": former_id, "PhysicalResourceId": former_id})
    for change_set in [each for each in change_sets.values() if each["StackId"] == new_id]:
        change_set["StackId"] = former_id
    status, headers, body = answer
    return status, headers, body.replace(new_id.encode(), former_id.encode())


def _answer_once(action: str, token: str) -> None:
    answers: dict[tuple[str, ...], Response] = {}
    of_the_request = import_module("ministack.core.responses")

    def remembering(original: Any) -> Any:
        def act(params: dict[str, Any]) -> Response:
            names = [_first(params, name) for name in (token, "StackName", "ChangeSetName")]
            request = (of_the_request.get_account_id(), of_the_request.get_region(), *names)
            if request in answers:
                return answers[request]
            answer: Response = original(params)
            if names[0] and answer[0] < 300:
                answers[request] = answer
            return answer

        return act

    wrap_action(HANDLERS, action, remembering, ACTIONS)


def _stack(params: dict[str, Any]) -> dict[str, Any] | None:
    """Return the stack that a request names, by its name or its id; nothing where there is none."""
    resolve = guarded(HANDLERS, "_resolve_stack", "stack_name")
    stack: dict[str, Any] | None = resolve(_first(params, "StackName"))
    return stack


def _first(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)

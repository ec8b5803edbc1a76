"""How a load balancer of the emulator reaches the instances and tasks behind it, where somebody runs them.

ministack takes a target's id for a host name, speaks HTTP alone, and finds every target healthy. Here a request goes to
the address at which the target answers, over the target group's protocol, to one healthy target after the other.
Where nobody attends to the targets (`emulator_instances`), all is as ministack has it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from http import HTTPStatus
from http.client import HTTPException
from importlib import import_module
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from generator.rehearsal.emulator_guards import edited, replace_function, wrap_action
from generator.rehearsal.emulator_instances import UNCHECKED, Health, emulator_directory, is_attended, read_targets
from generator.rehearsal.emulator_tasks import target_key
from generator.rehearsal.target_requests import ask_target

LOAD_BALANCERS = "ministack.services.alb"
IDLE_SECONDS = 60
TARGET_TYPES = ("instance", "ip")
ACCOUNT = 4
"""Which part of an ARN is the account."""

HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
NOT_RETURNED = HOP_BY_HOP - {"content-length"}

Answer = tuple[int, dict[str, Any], bytes]


def targets_that_answer() -> None:
    """A load balancer forwards to its healthy targets in turn; with none of them healthy, to all that it has.

    It encrypts to the targets where their group says HTTPS, and does not look at their certificates.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health.html
    """

    def to_those_that_run(original: Any) -> Any:
        async def forward_to_tg(
            tg_arn: str,
            method: str,
            path: str,
            headers: Mapping[str, str],
            body: bytes,
            query_params: Mapping[str, Any],
            raw_query_string: str | None = None,
            raw_path: str | None = None,
        ) -> Any:
            group = import_module(LOAD_BALANCERS)._tgs.get(tg_arn)
            registered = [each["Id"] for each in import_module(LOAD_BALANCERS)._targets.get(tg_arn, [])]
            runs = _is_run(tg_arn) and group and group.get("TargetType", "instance") in TARGET_TYPES
            if not runs or not registered:
                return await original(tg_arn, method, path, headers, body, query_params, raw_query_string, raw_path)
            query = urlencode(query_params, doseq=True) if raw_query_string is None else raw_query_string
            url = (raw_path or path) + (f"?{query}" if query else "")
            address = _address(tg_arn, group["TargetType"], registered)
            return await asyncio.to_thread(_ask, address, group["Protocol"], method, url, headers, body)

        return forward_to_tg

    parameters = (
        "tg_arn",
        "method",
        "path",
        "headers",
        "body",
        "query_params",
        "raw_query_string",
        "raw_path",
    )
    replace_function(LOAD_BALANCERS, "_forward_to_tg", parameters, to_those_that_run)


def health_of_targets() -> None:
    """DescribeTargetHealth says what the health checks found, and why a target is not healthy."""
    wrap_action(LOAD_BALANCERS, "DescribeTargetHealth", _with_health)


def _with_health(original: Any) -> Any:
    def action(params: Mapping[str, Any]) -> Any:
        given = params["TargetGroupArn"]
        tg_arn = str(given[0] if isinstance(given, list) else given)
        if not _is_run(tg_arn):
            return original(params)
        found = read_targets(emulator_directory()).health.get(tg_arn, {})

        def with_state(match: re.Match[str]) -> str:
            health = asdict(found.get(match.group(2), UNCHECKED))
            members = "".join(f"<{k.capitalize()}>{escape(v)}</{k.capitalize()}>" for k, v in health.items() if v)
            return f"{match.group(1)}<TargetHealth>{members}</TargetHealth>"

        pattern = r"(<Target><Id>([^<]+)</Id>.*?)<HealthStatus>healthy</HealthStatus><TargetHealth>.*?</TargetHealth>"
        return edited(lambda xml: re.sub(pattern, with_state, xml))(original)(params)

    return action


def _is_run(tg_arn: str) -> bool:
    """Whether somebody runs the targets of a target group's account."""
    parts = tg_arn.split(":")
    return len(parts) > ACCOUNT and is_attended(emulator_directory(), parts[ACCOUNT])


def _address(tg_arn: str, target_type: str, registered: Sequence[str]) -> tuple[str, int] | None:
    """Return where the next request goes; nothing where no program answers for the target whose turn it is."""
    known = read_targets(emulator_directory())
    found = known.health.get(tg_arn, {})
    healthy = [each for each in registered if found.get(each, UNCHECKED).state == Health("healthy").state]
    choice = healthy or list(registered)
    target = choice[next(_turns(tg_arn)) % len(choice)]
    return known.addresses.get(target_key(tg_arn.split(":")[ACCOUNT], target) if target_type == "ip" else target)


@cache
def _turns(tg_arn: str) -> Iterator[int]:
    return itertools.count()


def _ask(
    address: tuple[str, int] | None, protocol: str, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Ask a target and return its answer, or the load balancer's own where there is none.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    if address is None:
        return _failure(HTTPStatus.BAD_GATEWAY)
    passed_on = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
    try:
        answer = ask_target(protocol, address, method, url, passed_on, body, IDLE_SECONDS)
    except TimeoutError:
        return _failure(HTTPStatus.GATEWAY_TIMEOUT)
    except (OSError, HTTPException):
        return _failure(HTTPStatus.BAD_GATEWAY)
    fields: dict[str, Any] = {}
    for name, value in answer.headers:
        if name.lower() not in NOT_RETURNED:
            fields.setdefault(name.lower(), []).append(value)
    return answer.status, {name: found if len(found) > 1 else found[0] for name, found in fields.items()}, answer.body


def _failure(status: HTTPStatus) -> Answer:
    title = f"{status.value} {status.phrase}"
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    return status.value, {"content-type": "text/html"}, page.encode()


TARGETS: tuple[Callable[[], None], ...] = (targets_that_answer, health_of_targets)

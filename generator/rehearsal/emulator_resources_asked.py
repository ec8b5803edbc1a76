"""Which resource of a request IAM is asked about: ministack's answer, and whoever knows better for one service.

Each patch is asked in the order in which it was made, the newest first, and may ask those before it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from generator.rehearsal.emulator_guards import replace_function

ACTIONS = "ministack.core.iam_actions"


class ApiRequest(NamedTuple):
    """A request to an API, as it came in."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query_params: Any
    region: str
    account_id: str

    @property
    def action(self) -> str:
        """What a service with a JSON protocol is asked to do; nothing elsewhere."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]


Known = Callable[[ApiRequest], str]
"""Says by which ARN a request was asked about so far; `*` where it names no resource."""


def ask_about(name_resource: Callable[[ApiRequest, Known], str]) -> None:
    """Let IAM be asked about the resource that `name_resource` says."""

    def wrap(original: Any) -> Any:
        def known(request: ApiRequest) -> str:
            return str(original(*request))

        @functools.wraps(original)
        def extract(*given: Any) -> str:
            return name_resource(ApiRequest(*given), known)

        return extract

    replace_function(ACTIONS, "extract_resource_arn", ApiRequest._fields, wrap)

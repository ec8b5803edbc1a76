"""The application is told the same on web servers and in containers, from one list of names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from troposphere import Ref

from generator.application_environment import PRODUCT_IMAGES, VARIABLES, Surroundings, of_a_container, on_a_server
from generator.application_ports import APPLICATION_PORTS
from generator.parameter_types import TableName, TargetProtocol, TraceShare

ROOT = Path(__file__).parents[1]
USER_DATA = ROOT / "generator/user_data"
GIVEN = Surroundings(
    session_table_name=TableName(Ref("SessionTableName")),
    target_protocol=TargetProtocol(Ref("TargetProtocol")),
    trace_share=TraceShare(Ref("TraceShare")),
    https_targets="HttpsTargets",
)
ONLY_IN_CONTAINERS = {"TARGET_PROTOCOL"}
"""nginx ends TLS on a server."""

OF_THE_IMAGE = {"PGSSLROOTCERT"}
"""The image sets it to what it brings."""


def test_d5_the_user_data_writes_what_the_list_says() -> None:
    text = (USER_DATA / "application_service.sh").read_text(encoding="utf-8")
    [written] = re.findall(r"<<ENVIRONMENT\n(.*?)\nENVIRONMENT\n", text, re.DOTALL)
    assert [line.split("=", 1) for line in written.splitlines()] == [list(pair) for pair in on_a_server().items()]


def test_d5_a_container_is_told_what_a_server_is_told() -> None:
    assert of_a_container(GIVEN).keys() - on_a_server().keys() == ONLY_IN_CONTAINERS
    assert on_a_server().keys() - of_a_container(GIVEN).keys() == OF_THE_IMAGE


def test_d5_what_differs_between_environments_comes_from_the_stacks() -> None:
    told = of_a_container(GIVEN)
    assert told["SESSION_TABLE"] is GIVEN.session_table_name
    assert told["TARGET_PROTOCOL"] is GIVEN.target_protocol
    assert told["OTEL_TRACES_SAMPLER_ARG"] is GIVEN.trace_share
    by_protocol = [str(APPLICATION_PORTS[name]) for name in ("HTTPS", "HTTP")]
    assert told["PORT"].to_dict() == {"Fn::If": ["HttpsTargets", *by_protocol]}


def test_the_product_images_are_in_one_place_everywhere() -> None:
    assert f"readonly IMAGES=$ROOT{PRODUCT_IMAGES}\n" in (USER_DATA / "web_server.sh").read_text(encoding="utf-8")


def test_the_image_sets_what_nobody_tells_it_and_listens_where_it_is_asked() -> None:
    dockerfile = (ROOT / "application/Dockerfile").read_text(encoding="utf-8")
    for name in OF_THE_IMAGE:
        assert re.search(rf"^(ENV| {{4}}).*\b{name}=", dockerfile, re.MULTILINE), name
    [exposed] = re.findall(r"^EXPOSE (.+)$", dockerfile, re.MULTILINE)
    assert set(map(int, exposed.split())) == set(APPLICATION_PORTS.values())


@pytest.mark.parametrize("document", ["application/README.md", "docs/web-servers.md"])
def test_each_variable_is_explained(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    expected = VARIABLES if document.startswith("application") else on_a_server()
    assert [name for name in expected if f"`{name}`" not in text] == []

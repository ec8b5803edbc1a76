"""A canary's script as a program: it finds names at the rehearsal's addresses, and its exceptions are its failures."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from conftest import Account

from generator.rehearsal.canary_run import Visit, visit
from generator.rehearsal.emulator_canaries import Canary, canaries

SCRIPT = """\
import os, urllib.request

def handler(event, context):
    with urllib.request.urlopen(os.environ["ADDRESS"], timeout=5) as answer:
        text = answer.read().decode()
    if text != "welcome":
        raise RuntimeError(f"said {text}")
    return "visited"
"""


class Shop(BaseHTTPRequestHandler):
    """Answers with what it says today."""

    says = "welcome"

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.says.encode())

    def log_message(self, *_: object) -> None:
        """Keep silent."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def canary(**variables: str) -> Canary:
    return Canary("1" * 12, "eu-west-1", "trial", SCRIPT, "index.handler", variables)


@pytest.mark.parametrize("name", ["shop.example.com", "Shop.Example.com"])
def test_a_visit_finds_the_name_where_it_is_reached(port: int, name: str) -> None:
    found = visit(canary(ADDRESS=f"http://{name}/"), f"shop.example.com:80:127.0.0.1:{port}", "")
    assert found == Visit(passed=True, said="visited")


def test_what_has_no_place_of_its_own_is_found_where_all_others_are(port: int) -> None:
    assert visit(canary(ADDRESS="http://elsewhere.example/"), f":80:127.0.0.1:{port}", "").passed


def test_what_the_script_raises_is_why_the_visit_failed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shop, "says", "closed")
    found = visit(canary(ADDRESS="http://shop.example.com/"), f":80:127.0.0.1:{port}", "")
    assert found == Visit(passed=False, said="RuntimeError: said closed")


def test_a_script_sees_its_own_variables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    script = "import os\ndef handler(event, context):\n    return sorted(os.environ)"
    found = visit(Canary("1" * 12, "eu-west-1", "trial", script, "index.handler", {"MINE": "1"}), "", "")
    assert "MINE" in found.said
    assert "AWS_SECRET_ACCESS_KEY" not in found.said
    assert "ADDRESSES" not in found.said


def template(script: str, **run: Any) -> str:
    properties = {
        "Name": "trial-canary",
        "Code": {"Handler": "index.handler", "Script": script},
        "RuntimeVersion": "syn-python-selenium-14.0",
        "ExecutionRoleArn": "arn:aws:iam::111111111111:role/trial",
        "ArtifactS3Location": "s3://trial/canary",
        "Schedule": {"Expression": "rate(5 minutes)"},
        "StartCanaryAfterCreation": True,
        "RunConfig": run,
    }
    outputs = {"State": {"Value": {"Fn::GetAtt": ["Canary", "State"]}}}
    return json.dumps(
        {"Resources": {"Canary": {"Type": "AWS::Synthetics::Canary", "Properties": properties}}, "Outputs": outputs}
    )


def test_the_emulator_keeps_what_a_stack_says_of_its_canary(development: Account) -> None:
    def kept() -> list[Canary]:
        return canaries(development.emulator.directory, development.account_id)

    stack = development.deploy("canary", template(SCRIPT, EnvironmentVariables={"ADDRESS": "https://a.example/"}))
    assert stack["StackStatus"] == "CREATE_COMPLETE", development.failures("canary")
    assert development.outputs(stack) == {"State": "RUNNING"}
    [found] = kept()
    assert (found.name, found.handler, found.variables) == (
        "trial-canary",
        "index.handler",
        {"ADDRESS": "https://a.example/"},
    )
    development.deploy("canary", template(f"{SCRIPT}# changed\n"), "UPDATE")
    [found] = kept()
    assert found.script.endswith("# changed\n")
    development.delete("canary")
    assert kept() == []

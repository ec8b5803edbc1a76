"""The command `cost`: what it prints, what it refuses, and that it writes nothing it was not asked to."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from generator import cost_command
from generator.cost.prices import PRICES
from generator.cost_command import cost
from generator.delivery import session
from generator.errors import UserError
from tests.documented_commands import documented
from tests.json_reports import read

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cost, arguments, catch_exceptions=False)


def test_all_accounts_side_by_side_with_advice() -> None:
    result = run()
    assert result.exit_code == 0
    assert all(word in result.output for word in ("dev", "staging", "prod", "tools", "total", "What would cost less"))
    assert "the least sure figure is" in result.output


def test_one_environment_in_detail() -> None:
    by_resource = run(*documented("python -m generator cost --environment prod --by resource")[1:])
    for result, shown in ((by_resource, "Ingress/LoadBalancer"), (run("-e", "prod", "--by", "item"), "NAT gateways")):
        assert shown in result.output
        assert "tools" not in result.output.splitlines()[1]


def test_json_alone_on_standard_output() -> None:
    everything = run(*documented("python -m generator cost --by item --format json")[1:]).stdout
    assert list(read("cost", everything)["accounts"]) == ["dev", "staging", "prod", "tools"]
    content = read("cost", run("-e", "dev", "--json").stdout)
    assert list(content["accounts"]) == ["dev"]
    assert Decimal(content["accounts"]["dev"]["total"]) > 0


def test_two_releases() -> None:
    result = run(*documented("python -m generator cost --compare v1.1.0")[1:], "--format", "markdown")
    assert "# From v1.1.0 to this release" in result.output
    assert "| prod | global_edge | · |" in result.output
    assert "| tools | **total** | **·** |" in result.output


def test_two_folders_of_settings(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    path = tmp_path / "params" / "dev.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["Parameters"]["NatGateways"] = "per-zone"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = run("-e", "dev", "--compare", str(tmp_path / "params"), "--format", "markdown")
    assert "to these settings" in result.output
    assert "| dev | Egress |" in result.output
    assert "| -38." in result.output


def test_another_setting() -> None:
    content = read("cost", run("-e", "dev", "--set", "NatGateways=per-zone", "--format", "json").stdout)
    [dev] = content["comparison"]
    assert Decimal(dev["stacks"]["Egress"]) > 38
    assert Decimal(dev["after"]) - Decimal(dev["before"]) == sum(Decimal(more) for more in dev["stacks"].values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-e", "test"], "'test' is no environment"),
        (["--set", "NatGateways"], "must be NAME=VALUE"),
        (["--set", "Gateways=1"], "--set Gateways: is no setting; allowed: EnvironmentName"),
        (["--set", "NatGateways=two"], "--set NatGateways: 'two' is not allowed"),
        (["--set", "WebServerMinimum=2", "-e", "dev"], "Rules/RoomForRollingUpdate"),
        (["--compare", "v0.0.1"], r"--compare v0.0.1: is neither a release \(v1.1.0, .*\) nor a folder"),
        (["--write", "-e", "dev"], "leave out -e, --compare and --set"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(*arguments)


def test_it_writes_page_and_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, picture = tmp_path / "cost.md", tmp_path / "cost.svg"
    shutil.copy(ROOT / "docs" / "cost.md", page)
    monkeypatch.setattr(cost_command, "PAGE", page)
    monkeypatch.setattr(cost_command, "PICTURE", picture)
    assert "written" in run("--write").output
    assert picture.read_bytes().startswith(b"<?xml")
    assert "| interface endpoints |" in page.read_text(encoding="utf-8")
    real = (ROOT / "docs" / "cost.md").read_bytes()
    assert real == page.read_bytes(), "docs/cost.md shows other bills than today's: write it with make cost WRITE=yes"


def test_a_page_without_a_section_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, picture = tmp_path / "cost.md", tmp_path / "cost.svg"
    text = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8").replace("<!-- usage: begin -->", "")
    page.write_text(text, encoding="utf-8")
    monkeypatch.setattr(cost_command, "PAGE", page)
    monkeypatch.setattr(cost_command, "PICTURE", picture)
    with pytest.raises(UserError, match="the page has no section usage"):
        run("--write")
    assert page.read_text(encoding="utf-8") == text
    assert not picture.exists()


def test_a_refresh_without_a_way_to_aws_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    before = PRICES.read_bytes()
    with pytest.raises(UserError, match="asking the AWS price list"):
        run("--refresh")
    assert PRICES.read_bytes() == before

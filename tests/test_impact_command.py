"""The command `impact` with other settings: what it compares, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from generator import __version__
from generator.errors import UserError
from generator.exit_codes import CHANGES
from generator.impact_command import impact
from tests.json_reports import read

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(impact, arguments, catch_exceptions=False)


def test_other_settings_compare_the_release_with_itself() -> None:
    result = run("-e", "dev", "--json", "--set", "ScaleInCpuPercent=25")
    [dev] = read("impact", result.stdout)["environments"]
    assert (dev["before"], dev["after"]) == (f"v{__version__}", f"v{__version__} with ScaleInCpuPercent=25")
    resources = {change["address"] for change in dev["impact"]["changes"] if "/" in change["address"]}
    assert resources == {"WebTier/LoadIsOver"}
    assert result.exit_code == 0


def test_an_older_release_and_other_settings_are_one_step() -> None:
    arguments = ("-e", "dev", "--from", "v1.1.0", "--format", "json", "--set", "ScaleInCpuPercent=25")
    result = run(*arguments, "--exit-code")
    assert result.exit_code == CHANGES
    [dev] = read("impact", result.stdout)["environments"]
    assert dev["before"] == "v1.1.0"
    assert ("ScaleInCpuPercent", "30", "25") in {
        (each["name"], each["before"], each["after"]) for each in dev["impact"]["parameters"]
    }


def test_the_same_settings_change_nothing() -> None:
    result = run("-e", "dev", "--set", "Compute=ec2", "--exit-code")
    assert "dev: nothing changes" in result.output
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("NatGateways", "--set 'NatGateways': must be NAME=VALUE"),
        ("Nat=single", "--set Nat: is no setting; allowed: EnvironmentName, VpcCidr"),
        ("NatGateways=two", "--set NatGateways: 'two' is not allowed"),
    ],
)
def test_settings_that_params_could_not_have_are_refused(given: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        run("--set", given)
    assert str(refused.value).startswith(said)


def test_a_release_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"^--from nonsense: is no release; allowed: v1\.1\.0, v"):
        run("--from", "nonsense")

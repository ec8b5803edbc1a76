"""User data is complete shell scripts: read by shells and linters as they stand in the template."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from troposphere import Ref

from generator.user_data import BASTION, SHEBANG, WEB_SERVER, joined, user_data
from tests.intrinsics import Templates
from tests.user_data.scratch_server import BASTION_SETTINGS, SETTINGS, user_data_text

FOLDER = Path(__file__).parents[2] / "generator/user_data"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.sh"))
EC2_TAKES_BYTES = 16 * 1024


def shellcheck(text: str, *options: str) -> str:
    program = Path(sys.executable).with_name("shellcheck")
    command = [str(program), "--severity=style", *options, "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    return result.stdout


def test_every_script_belongs_to_a_server() -> None:
    assert sorted({*WEB_SERVER, *BASTION}) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say_of_a_script(script: str) -> None:
    """SC2034 is about variables that only another file uses; of user data as a whole, nothing is excused."""
    assert shellcheck((FOLDER / script).read_text(encoding="utf-8"), "--exclude=SC2034") == ""


@pytest.mark.parametrize(("scripts", "settings"), [(WEB_SERVER, SETTINGS), (BASTION, BASTION_SETTINGS)])
def test_shellcheck_has_nothing_to_say_of_user_data(scripts: tuple[str, ...], settings: dict[str, str]) -> None:
    assert shellcheck(user_data_text(scripts, settings)) == ""


def test_shellcheck_would_say_something() -> None:
    assert "SC2086" in shellcheck(f"{SHEBANG}rm $1\n")


@pytest.mark.parametrize("script", SCRIPTS)
def test_all_that_is_left_out_of_a_script_is_empty_lines_and_comments(script: str) -> None:
    lines = (FOLDER / script).read_text(encoding="utf-8").splitlines()
    kept = joined([script]).splitlines()
    assert kept == [line for line in lines if line.strip() and not line.strip().startswith("#")]
    assert len(kept) > len(lines) / 2


def test_settings_are_read_only_variables_before_the_script() -> None:
    data = user_data(BASTION, {"LOG_GROUP": Ref("LogGroup"), "REGION": "eu-west-1"}).to_dict()["Fn::Base64"]
    delimiter, [header, script] = data["Fn::Join"]
    text, values = header["Fn::Sub"]
    assert values == {"LogGroup": {"Ref": "LogGroup"}, "Region": "eu-west-1"}
    assert text == "#!/bin/bash\nreadonly LOG_GROUP='${LogGroup}'\nreadonly REGION='${Region}'\n"
    assert (delimiter, script) == ("\n", joined(BASTION))  # where CloudFormation substitutes nothing


@pytest.mark.parametrize(
    ("template", "resource", "settings"),
    [("web_tier", "LaunchTemplate", SETTINGS), ("access", "BastionLaunchTemplate", BASTION_SETTINGS)],
)
def test_the_template_hands_over_every_setting_and_no_other(
    templates: Templates, template: str, resource: str, settings: dict[str, str]
) -> None:
    data = templates[template]["Resources"][resource]["Properties"]["LaunchTemplateData"]["UserData"]
    [header, _] = data["Fn::Base64"]["Fn::Join"][1]
    assert sorted(re.findall(r"^readonly (\w+)=", header["Fn::Sub"][0], re.MULTILINE)) == sorted(settings)


def test_user_data_is_within_what_ec2_takes_with_the_longest_values() -> None:
    """Names and ids that AWS makes up are of 100 characters at most, and an archive's key is of 208. What is ours is as
    long as it is: the fleet is one of two, and a share of the requests has four characters at most.
    """
    ours = {"FLEET": "GreenWebServerGroup", "TRACE_SHARE": "0.05"}
    longest = dict.fromkeys(SETTINGS, "x" * 100) | {"ARCHIVE_KEY": "x" * 208} | ours
    assert len(user_data_text(WEB_SERVER, longest).encode()) <= EC2_TAKES_BYTES

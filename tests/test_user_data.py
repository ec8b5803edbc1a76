"""Scripts of servers are complete shell scripts: read by shells and linters as they stand in the template."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from troposphere import Ref

from generator.user_data import user_data

FOLDER = Path(__file__).parents[1] / "generator/user_data"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.sh"))


def test_there_are_scripts() -> None:
    assert SCRIPTS == ["bastion.sh", "web_server.sh"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    result = subprocess.run(
        [str(shellcheck), "--severity=style", script], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_with_its_settings_is_one_that_bash_reads(script: str) -> None:
    joined = user_data(script, {"LOG_GROUP": Ref("LogGroup"), "REGION": "eu-west-1"}).to_dict()["Fn::Base64"]
    delimiter, [header, body] = joined["Fn::Join"]
    text, values = header["Fn::Sub"]
    assert values == {"LogGroup": {"Ref": "LogGroup"}, "Region": "eu-west-1"}
    whole = text.replace("${LogGroup}", "a").replace("${Region}", "b") + delimiter + body
    assert whole.startswith("#!/bin/bash\nreadonly LOG_GROUP='a'\nreadonly REGION='b'\n")
    bash = shutil.which("bash")
    assert bash
    assert subprocess.run([bash, "-n"], input=whole, text=True, check=False).returncode == 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_nothing_in_the_script_is_substituted_by_cloudformation(script: str) -> None:
    joined = user_data(script, {}).to_dict()["Fn::Base64"]
    body = (FOLDER / script).read_text(encoding="utf-8").removeprefix("#!/bin/bash\n")
    assert joined["Fn::Join"][1][1] == body

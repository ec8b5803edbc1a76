"""The bastion's user data, run for real in a scratch root: who comes in, how, and what is logged of it (E5, D9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.user_data import BASTION
from tests.user_data.scratch_server import BASTION_SETTINGS, ScratchServer

SSH_CONFIGURATION = "etc/ssh/sshd_config.d/10-bastion.conf"


@pytest.fixture
def bastion(tmp_path: Path) -> ScratchServer:
    return ScratchServer(tmp_path, BASTION, BASTION_SETTINGS)


def test_nobody_listens_where_session_manager_is_the_way_in(bastion: ScratchServer) -> None:
    assert bastion.run().returncode == 0
    assert bastion.calls_of("systemctl", "sshd") == [
        "systemctl disable --now sshd",
        "systemctl enable --now rsyslog",
    ]
    assert not (bastion.root / SSH_CONFIGURATION).exists()


def test_over_ssh_nobody_comes_in_with_a_password(bastion: ScratchServer) -> None:
    assert bastion.run(ACCESS_MODE="ssh").returncode == 0
    assert bastion.calls_of("systemctl", "sshd")[:2] == ["sshd -t", "systemctl restart sshd"]
    configured = bastion.text(SSH_CONFIGURATION).splitlines()
    assert {"PasswordAuthentication no", "PermitRootLogin no", "LogLevel VERBOSE"} <= set(configured)


def test_a_configuration_that_sshd_refuses_is_never_put_into_service(bastion: ScratchServer) -> None:
    bastion.stand_in("sshd", "exit 255")
    assert bastion.run(ACCESS_MODE="ssh").returncode != 0
    assert "systemctl restart sshd" not in bastion.calls


def test_psql_trusts_the_database_and_nobody_else(bastion: ScratchServer) -> None:
    bastion.run()
    assert bastion.text("etc/profile.d/postgresql.sh") == (
        "export PGSSLMODE=verify-full PGSSLROOTCERT=/etc/pki/rds/global-bundle.pem\n"
    )
    assert (bastion.root / "etc/pki/rds/global-bundle.pem").is_file()


def test_who_comes_in_is_logged(bastion: ScratchServer) -> None:
    bastion.run()
    agent = json.loads(bastion.text("opt/aws/amazon-cloudwatch-agent/etc/bastion.json"))
    files = agent["logs"]["logs_collected"]["files"]["collect_list"]
    assert {entry["file_path"]: entry["log_stream_name"] for entry in files} == {
        "/var/log/secure": "{instance_id}/secure",
        "/var/log/bastion-bootstrap.log": "{instance_id}/bootstrap",
    }
    assert {entry["log_group_name"] for entry in files} == {"access"}


@pytest.mark.parametrize("mode", ["ssm", "ssh"])
def test_a_second_run_changes_nothing(bastion: ScratchServer, mode: str) -> None:
    log = "var/log/bastion-bootstrap.log"
    assert bastion.run(ACCESS_MODE=mode).returncode == 0
    first = bastion.files(besides=[log])
    assert bastion.run(ACCESS_MODE=mode).returncode == 0
    assert bastion.files(besides=[log]) == first

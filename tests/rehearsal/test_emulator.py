"""The emulator starts, serves, and never outlives who started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DEVELOPMENT, PRODUCTION, REGION

from generator.errors import UserError
from generator.rehearsal import emulator as emulator_module
from generator.rehearsal.emulator import Emulator

ROOT = Path(__file__).parents[2]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _soon(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def _pid_and_directory(emulator: Emulator) -> tuple[int, Path]:
    assert emulator._process is not None
    assert emulator._directory is not None
    return emulator._process.pid, emulator._directory


def test_it_stops_and_leaves_nothing_after_an_exception() -> None:
    def fail(started: Emulator) -> None:
        seen.append(_pid_and_directory(started))
        assert _alive(seen[0][0])
        assert "Ready" in started.log_tail()
        raise ZeroDivisionError

    seen: list[tuple[int, Path]] = []
    with pytest.raises(ZeroDivisionError), Emulator() as started:
        fail(started)
    pid, directory = seen[0]
    assert not _alive(pid)
    assert not directory.exists()


def test_a_taken_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} on 127.0.0.1 is in use: .*another port"), Emulator(port):
            pass


def test_it_uses_the_port_given_and_listens_nowhere_else() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Emulator(port) as started:
        assert started.endpoint_url == f"http://127.0.0.1:{port}"
        listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
        assert [each for each in listening if each.endswith(f":{port:04X}") and not each.startswith("0100007F")] == []


def test_a_start_that_fails_shows_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_module, "ENTRY_POINT", "generator.rehearsal.no_such_module")
    with pytest.raises(UserError, match=r"(?s)ended with code 1 while starting.*no_such_module"), Emulator():
        pass


def test_the_user_s_aws_settings_are_not_read(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "AWS_PROFILE": "does-not-exist",
        "AWS_ENDPOINT_URL": "http://192.0.2.1",
        "AWS_CONFIG_FILE": "/does/not/exist",
        "HTTP_PROXY": "http://192.0.2.1:3128",
        "http_proxy": "http://192.0.2.1:3128",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    other = Emulator()
    other._port = emulator.port
    arn = other.client("sts", "333333333333", REGION).get_caller_identity()["Account"]
    assert arn == "333333333333"


def test_accounts_are_apart(emulator: Emulator) -> None:
    first, second = (emulator.client("sns", account, REGION) for account in (DEVELOPMENT, PRODUCTION))
    arn = first.create_topic(Name="isolation")["TopicArn"]
    assert DEVELOPMENT in arn
    assert arn not in [topic["TopicArn"] for topic in second.list_topics()["Topics"]]


def test_an_account_id_has_twelve_digits(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="12 digits"):
        emulator.client("s3", "1234", REGION)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_ends_with_its_parent(number: signal.Signals) -> None:
    script = """
        import time
        from generator.rehearsal.emulator import Emulator
        with Emulator() as started:
            print(started._process.pid, started._directory, flush=True)
            time.sleep(60)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    pid, directory = parent.stdout.readline().split()
    assert _alive(int(pid))
    # To the whole group, as a terminal does on Ctrl-C.
    os.killpg(parent.pid, number)
    parent.wait()
    parent.stdout.close()
    assert _soon(lambda: not _alive(int(pid)) and not Path(directory).exists())

"""Programs of a rehearsal end when told to, and with whoever started them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from fault_proxy import wait_until

from generator.rehearsal.running_programs import PORTS, RunningProgram, free_port

ROOT = Path(__file__).parents[2]
WITH_CHILD = 'sleep 600 & echo "$$ $!"; exec sleep 600'
STARTED_BY_ANOTHER = """
import sys, time
from pathlib import Path
from generator.rehearsal.running_programs import RunningProgram
folder = Path(sys.argv[1])
RunningProgram(["/bin/sh", "-c", sys.argv[2]], folder, {}, folder / "log")
print("started", flush=True)
time.sleep(600)
"""


def running(folder: Path, command: str) -> RunningProgram:
    return RunningProgram(["/bin/sh", "-c", command], folder, {"PATH": os.defpath}, folder / "log")


def pids(folder: Path) -> list[int]:
    wait_until(lambda: (folder / "log").exists() and "\n" in (folder / "log").read_text())
    return [int(word) for word in (folder / "log").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_runs_in_its_folder_with_its_environment_and_logs(tmp_path: Path) -> None:
    program = running(tmp_path, 'pwd; echo "$PATH"; cat; exit 3')
    wait_until(lambda: not program.is_running)
    assert program.log_tail().splitlines() == [str(tmp_path), os.defpath]
    program.kill()


def test_stop_lets_it_say_goodbye_and_ends_what_it_started(tmp_path: Path) -> None:
    program = running(tmp_path, 'trap "echo goodbye; exit" TERM; sleep 600 & echo "$$ $!"; wait')
    found = pids(tmp_path)
    program.stop()
    assert "goodbye" in program.log_tail()
    wait_until(lambda: not any(map(is_alive, found)))


def test_kill_ends_it_and_what_it_started_at_once(tmp_path: Path) -> None:
    program = running(tmp_path, WITH_CHILD)
    found = pids(tmp_path)
    assert all(map(is_alive, found))
    program.kill()
    assert not program.is_running
    wait_until(lambda: not any(map(is_alive, found)))
    program.kill()


def test_it_ends_with_whoever_started_it_however_that_ends(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTED_BY_ANOTHER, str(tmp_path), WITH_CHILD],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    try:
        assert starter.stdout.readline() == "started\n"
        found = pids(tmp_path)
        assert all(map(is_alive, found))
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.communicate()
    wait_until(lambda: not any(map(is_alive, found)))


def test_a_free_port_is_none_that_somebody_listens_on() -> None:
    port = free_port()
    assert port in PORTS
    with socket.create_server(("127.0.0.1", port)):
        assert free_port() != port

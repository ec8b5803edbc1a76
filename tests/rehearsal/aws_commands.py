"""The real AWS CLI for tests that run dozens of its commands: started once, each command is a fork of it.

Python needs half a second to import the CLI, and a fork nothing. Arguments, variables and streams are those of
whoever calls `aws` in a shell with the variables that `commands` gives.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WAY = "AWS_COMMANDS_SOCKET"
MESSAGE_BYTES = 1 << 18
SET_BY_THE_CLI = ("AWS_DATA_PATH",)  # when it is imported

CALLER = f"""
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.connect(os.environ["{WAY}"])
    socket.send_fds(way, [json.dumps([sys.argv[1:], dict(os.environ)]).encode()], [0, 1, 2])
    sys.exit(int(way.recv(4) or 255))
"""


@contextlib.contextmanager
def commands() -> Iterator[dict[str, str]]:
    """Provide `aws` for the time of a `with` block; yields the variables by which a shell finds it."""
    # Not in the folder of tests: the path of a socket has a hundred letters at most.
    with tempfile.TemporaryDirectory(prefix="aws-", dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listening:
        way, caller, command = (Path(folder, name) for name in ("socket", "caller.py", "aws"))
        caller.write_text(CALLER)
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {caller} "$@"\n')
        command.chmod(0o755)
        listening.bind(str(way))
        listening.listen()
        number = listening.fileno()
        server = subprocess.Popen([sys.executable, __file__, str(number)], pass_fds=[number])
        try:
            yield {"PATH": f"{folder}:{os.environ['PATH']}", WAY: str(way)}
        finally:
            server.kill()
            server.wait()


def serve(listening: socket.socket) -> None:
    """Answer every command in a process of its own."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    # Done once here, what a command needs first is there in all forks: a quarter of the time.
    with contextlib.redirect_stdout(io.StringIO()):
        driver.main(["sts", "get-caller-identity", "--generate-cli-skeleton", "input"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            _answer(connection, driver)
        connection.close()


def _answer(connection: socket.socket, driver: Any) -> None:
    message, streams, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    arguments, variables = json.loads(message)
    of_the_cli = {name: os.environ[name] for name in SET_BY_THE_CLI}
    os.environ.clear()
    os.environ.update(variables | of_the_cli)
    code = 255
    try:
        code = driver.main(arguments)
        sys.stdout.flush()
    finally:
        connection.send(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

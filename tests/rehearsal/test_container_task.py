"""A task follows its definition: what runs, with what in its environment, when it is healthy, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import wait_until

from generator.rehearsal.container_images import PullError, UnpackedImage
from generator.rehearsal.container_task import RunningTask, StartError, TaskSurroundings
from generator.rehearsal.emulator_tasks import HEALTHY, PENDING, RUNNING, STOPPED, UNHEALTHY, UNKNOWN
from generator.rehearsal.running_programs import HOST
from generator.rehearsal.target_requests import ask_target

SERVE = """#!/bin/sh
exec python3.11 -c '
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        names = ("TABLE", "APPLICATION_SECRET", "CREDENTIAL", "IMAGES", "FROM_IMAGE")
        self.wfile.write(" ".join(os.environ[name] for name in names).encode())
        print("answered", self.headers["X-Request-Id"], flush=True)
    def log_message(self, *_): pass
http.server.HTTPServer((os.environ["ADDRESS"], int(os.environ["PORT"])), Handler).serve_forever()
'
"""
FILES = {"serve": SERVE, "migrate": "#!/bin/sh\necho migrated; exit 0\n", "healthy": '#!/bin/sh\n[ ! -e "$0.not" ]\n'}


def application(**changed: Any) -> dict[str, Any]:
    return {
        "name": "application",
        "image": "of-the-application",
        "environment": [{"name": "TABLE", "value": "sessions"}, {"name": "IMAGES", "value": "/srv/product-images"}],
        "secrets": [{"name": "APPLICATION_SECRET", "valueFrom": "arn-of-the-secret"}],
        "mountPoints": [{"sourceVolume": "images", "containerPath": "/srv/product-images"}],
        "portMappings": [{"containerPort": 8443}],
        "healthCheck": {"command": ["CMD", "./healthy"], "retries": 2},
        **changed,
    }


MIGRATION = {"name": "migration", "image": "of-the-application", "essential": False, "command": ["./migrate"]}


@contextmanager
def task(folder: Path, *containers: Mapping[str, Any], **changed: Any) -> Iterator[RunningTask]:
    root = folder / "root"
    (root / "srv").mkdir(parents=True)
    for name, text in FILES.items():
        (root / "srv" / name).write_text(text)
        (root / "srv" / name).chmod(0o555)
    image = UnpackedImage("sha256:0", root, ["./serve"], {"FROM_IMAGE": "yes"}, "/srv", "1001")
    (folder / "images").mkdir()
    surroundings = TaskSurroundings(
        **{
            "pull": lambda uri: image,
            "secret": {"arn-of-the-secret": "s3cret"}.__getitem__,
            "images": folder / "images",
            "python": Path(sys.executable),
            "variables": lambda: {"CREDENTIAL": "of-the-role"},
            **changed,
        }
    )
    made = RunningTask("arn:task/1", {"containerDefinitions": list(containers)}, folder / "task", surroundings)
    try:
        yield made
    finally:
        made.kill()


def test_a_container_gets_what_image_definition_and_role_give_it(tmp_path: Path) -> None:
    with task(tmp_path, application(), MIGRATION) as made:
        assert made.state.status == PENDING
        made.start()
        answer = ask_target("HTTP", (HOST, made.port), "GET", "/", {"X-Request-Id": "r-1"})
        assert answer.body.decode().split() == ["sessions", "s3cret", "of-the-role", str(tmp_path / "images"), "yes"]
        wait_until(lambda: made.has_answered("r-1"))
        assert not made.has_answered("r-2")
        wait_until(lambda: made.is_migrated)
        assert (made.state.status, made.state.exit_codes) == (RUNNING, {"migration": 0})
        assert made.log("migration") == "migrated\n"


def test_its_health_is_what_its_own_check_says_so_many_times(tmp_path: Path) -> None:
    with task(tmp_path, application()) as made:
        made.start()
        assert made.state.health == UNKNOWN
        made.check_health()
        assert made.state.health == HEALTHY
        marker = tmp_path / "root/srv/healthy.not"
        marker.touch()
        made.check_health()
        assert made.state.health == HEALTHY
        made.check_health()
        assert made.state.health == UNHEALTHY


def test_a_task_ends_with_an_essential_container_and_not_with_another_one(tmp_path: Path) -> None:
    with task(tmp_path, application(), MIGRATION) as made:
        made.start()
        wait_until(lambda: made.is_migrated)
        made.crash()
        assert (made.state.status, made.state.reason) == (STOPPED, "Essential container in task exited")
        assert made.state.exit_codes == {"application": 137, "migration": 0}


def test_a_stopped_task_gets_a_signal_and_time(tmp_path: Path) -> None:
    with task(tmp_path, application()) as made:
        made.start()
        made.stop()
        assert (made.state.status, made.state.exit_codes) == (STOPPED, {"application": 3})


def test_why_a_task_cannot_start_is_what_ecs_would_say(tmp_path: Path) -> None:
    def refused(_: str) -> Any:
        raise PullError("not authorized")

    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({"pull": refused}, {}, "CannotPullContainerError: not authorized"),
        ({"secret": refused}, {}, "ResourceInitializationError: unable to pull secrets: not authorized"),
        ({}, {"command": ["/bin/sh", "-c", "echo no luck; exit 1"]}, "Essential container in task exited"),
    ]
    for number, (surroundings, definition, reason) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        with task(folder, application(**definition), **surroundings) as made:
            with pytest.raises(StartError, match=reason):
                made.start()
            assert made.state.status == STOPPED
            assert made.state.reason.startswith(reason)


def test_a_container_without_a_program_here_is_healthy_and_its_rights_are_asked_all_the_same(tmp_path: Path) -> None:
    pulled: list[str] = []

    def pull(uri: str) -> UnpackedImage:
        pulled.append(uri)
        return UnpackedImage("sha256:0", tmp_path / "root", ["./serve"], {"FROM_IMAGE": "yes"}, "/srv", "")

    collector = {"name": "collector", "image": "of-the-collector", "healthCheck": {"command": ["CMD", "/healthcheck"]}}
    with task(tmp_path, application(), collector, pull=pull) as made:
        made.start()
        made.check_health()
        assert (made.state.status, made.state.health) == (RUNNING, HEALTHY)
        assert pulled == ["of-the-application", "of-the-collector"]

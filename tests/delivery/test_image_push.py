"""What the registry lacks is made and pushed, once; what is there stays (D15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from generator.delivery.docker import Docker
from generator.delivery.image_push import push_missing
from generator.delivery.images import Image, find_image, needed
from generator.errors import UserError
from tests.delivery.conftest import Account
from tests.delivery.test_images import APPLICATION, put, with_repositories

PROGRAM = """\
#!/bin/sh
echo "docker $*" >>{log}
test "$1" != login || cat >>{log}
exit {status}
"""


@dataclass(frozen=True)
class Observed(Docker):
    """Remembers what it was asked for, and puts an image for each push, as far as it does not fail."""

    ecr: Any = None
    fails_at: str = ""
    done: list[str] = field(default_factory=list)

    def log_in(self, registry: str, password: str) -> None:
        self.done.append(f"log in to {registry}, {len(password) > 0}")

    def build(self, folder: Path, uri: str, version: str) -> None:
        self.done.append(f"build {folder} {uri.rpartition('/')[2]}")
        assert uri.endswith(f":{version}")

    def copy(self, public: str, uri: str) -> None:
        self.done.append(f"copy {public.partition('@')[0]} {uri.rpartition('/')[2]}")

    def push(self, uri: str) -> None:
        if self.fails_at and self.fails_at in uri:
            raise UserError("docker push: ended with 1")
        self.done.append(f"push {uri.rpartition('/')[2]}")
        repository, _, tag = uri.partition("/")[2].partition(":")
        put(self.ecr, Image("", repository, tag, ""), content=tag)


def test_what_is_missing_is_built_or_copied_and_pushed(account: Account) -> None:
    ecr = with_repositories(account)
    application, collector = needed(APPLICATION)
    docker, lines = Observed(ecr=ecr), list[str]()
    push_missing(ecr, docker, (application, collector), lines.append)
    assert docker.done == [
        f"log in to {account.account_id}.dkr.ecr.eu-west-1.amazonaws.com, True",
        f"build {APPLICATION} application:{application.tag}",
        f"push application:{application.tag}",
        f"copy public.ecr.aws/aws-observability/aws-otel-collector collector:{collector.tag}",
        f"push collector:{collector.tag}",
    ]
    assert [line.rpartition(": ")[2] for line in lines] == ["is missing", "is missing", "pushed", "pushed"]


def test_what_is_there_is_left_alone(account: Account) -> None:
    ecr, images = with_repositories(account), needed(APPLICATION)
    digests = [put(ecr, image) for image in images]
    docker = Observed(ecr=ecr)
    push_missing(ecr, docker, images, lambda _: None)
    assert docker.done == [], "no build, no login"
    found = [find_image(ecr, image) for image in images]
    assert [each["imageDigest"] for each in found if each] == digests


def test_a_push_that_failed_is_completed_by_the_next(account: Account) -> None:
    ecr, images = with_repositories(account), needed(APPLICATION)
    with pytest.raises(UserError, match="docker push"):
        push_missing(ecr, Observed(ecr=ecr, fails_at="collector"), images, lambda _: None)
    rest = Observed(ecr=ecr)
    push_missing(ecr, rest, images, lambda _: None)
    assert [what.partition(":")[0] for what in rest.done if what.startswith("push")] == ["push collector"]


def test_of_two_that_push_at_once_the_first_decides(account: Account) -> None:
    ecr, images = with_repositories(account), needed(APPLICATION)

    class Late(Observed):
        """The other has pushed while this one was building: its tag is taken."""

        def push(self, uri: str) -> None:
            for image in images:
                if find_image(ecr, image) is None:
                    put(ecr, image, "the other's")
            raise UserError("docker push: ended with 1")

    push_missing(ecr, Late(ecr=ecr), images, lambda _: None)
    assert all(find_image(ecr, image) for image in images)


# Docker


def program(folder: Path, status: int = 0) -> tuple[Docker, Path]:
    """Return a Docker that writes its commands, and what it is given, to a file."""
    path, log = folder / "docker", folder / "log"
    path.write_text(PROGRAM.format(log=log, status=status))
    path.chmod(0o755)
    return Docker(str(path)), log


def test_docker_is_run_as_its_reference_says(tmp_path: Path) -> None:
    docker, log = program(tmp_path)
    docker.log_in("registry", "secret\n")
    docker.build(Path("application"), "registry/application:abc", "abc")
    docker.copy("public@sha256:0", "registry/collector:v1")
    docker.push("registry/collector:v1")
    assert log.read_text().splitlines() == [
        "docker login --username AWS --password-stdin registry",
        "secret",
        "docker build --platform linux/amd64 --build-arg VERSION=abc --tag registry/application:abc application",
        "docker pull --platform linux/amd64 public@sha256:0",
        "docker tag public@sha256:0 registry/collector:v1",
        "docker push registry/collector:v1",
    ]


def test_a_password_is_no_argument(tmp_path: Path) -> None:
    """Arguments are seen by every process of the machine."""
    docker, log = program(tmp_path)
    docker.log_in("registry", "secret\n")
    assert "secret" not in log.read_text().splitlines()[0]


def test_a_failure_of_docker_is_told_in_words(tmp_path: Path) -> None:
    docker, _ = program(tmp_path, status=7)
    with pytest.raises(UserError, match=r"docker push registry/x:1: ended with 7; see its output$"):
        docker.push("registry/x:1")


def test_a_missing_docker_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no-docker cannot be run: .*; images are built with Docker"):
        Docker(str(tmp_path / "no-docker")).push("registry/x:1")

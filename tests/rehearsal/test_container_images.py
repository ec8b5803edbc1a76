"""Images are pulled by digest alone, are what the digest says, and are unpacked as their layers say."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from generator.rehearsal.container_images import ImageReference, Images, PullError

REPOSITORY = "000900090009.dkr.ecr.eu-west-1.amazonaws.com/web-platform/application"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(**files: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size, member.mode = len(text), 0o555
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(content.getvalue(), mtime=0)


class Registry:
    """A registry with one image, as ECR's client shows it, and a server for its blobs."""

    def __init__(self, *layers: bytes, **configuration: Any) -> None:
        described = json.dumps({"config": configuration}).encode()
        self.blobs = {digest_of(each): each for each in (described, *layers)}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "config": {"digest": digest_of(described)},
                "layers": [{"digest": digest_of(each)} for each in layers],
            }
        )
        self.asked = 0
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(registry.blobs[self.path.lstrip("/")])

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def uri(self) -> str:
        return f"{REPOSITORY}@{digest_of(self.manifest.encode())}"

    def batch_get_image(self, **given: Any) -> dict[str, Any]:
        assert (given["registryId"], given["repositoryName"]) == ("000900090009", "web-platform/application")
        self.asked += 1
        known = given["imageIds"][0]["imageDigest"] == digest_of(self.manifest.encode())
        return {"images": [{"imageManifest": self.manifest}] if known else [], "failures": []}

    def get_download_url_for_layer(self, **given: Any) -> dict[str, str]:
        return {"downloadUrl": f"http://127.0.0.1:{self.server.server_address[1]}/{given['layerDigest']}"}


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry(
        layer(srv__start="old", srv__gone="here"),
        layer(**{"srv__start": "new", "srv__.wh.gone": ""}),
        Cmd=["./start"],
        Env=["PORT=8080"],
        WorkingDir="/srv",
        User="1001",
    )
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_an_image_is_its_layers_over_one_another(registry: Registry, tmp_path: Path) -> None:
    image = Images(tmp_path).pull(registry, registry.uri)
    assert image.command == ["./start"]
    assert (image.environment, image.working_directory, image.user) == ({"PORT": "8080"}, "/srv", "1001")
    assert image.path("/srv/start").read_text() == "new"
    assert not image.path("/srv/gone").exists()


def test_rights_are_asked_each_time_and_files_unpacked_once(registry: Registry, tmp_path: Path) -> None:
    images = Images(tmp_path)
    first = images.pull(registry, registry.uri)
    stamp = first.path("/srv/start").stat().st_mtime_ns
    assert images.pull(registry, registry.uri) == first
    assert registry.asked == 2
    assert first.path("/srv/start").stat().st_mtime_ns == stamp


def test_what_is_not_what_its_digest_says_is_refused(registry: Registry, tmp_path: Path) -> None:
    for digest in list(registry.blobs):
        kept, registry.blobs[digest] = registry.blobs[digest], b"something else"
        with pytest.raises(PullError, match=f"{digest}: what the registry holds"):
            Images(tmp_path).pull(registry, registry.uri)
        registry.blobs[digest] = kept


def test_an_image_that_is_not_there_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(PullError, match=f"web-platform/application@sha256:{'0' * 64}: not found"):
        Images(tmp_path).pull(registry, f"{REPOSITORY}@sha256:{'0' * 64}")


@pytest.mark.parametrize("uri", [f"{REPOSITORY}:latest", "none", f"docker.io/library/python@sha256:{'0' * 64}"])
def test_only_a_digest_in_ecr_is_pulled(uri: str) -> None:
    with pytest.raises(PullError, match="not the URI of an image in ECR by its digest"):
        ImageReference.parse(uri)


def test_who_writes_into_an_image_is_seen(registry: Registry, tmp_path: Path) -> None:
    image = Images(tmp_path).pull(registry, registry.uri)
    before = image.fingerprint()
    assert image.fingerprint() == before
    image.path("/srv/start").chmod(0o755)
    assert image.fingerprint() != before

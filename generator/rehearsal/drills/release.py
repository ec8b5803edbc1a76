"""A release of the application breaks it: one that does not start, and one that starts and answers errors only."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from generator.rehearsal.application_release import build_archive, publish_to
from generator.rehearsal.drills.drill import Result, Scene, until
from generator.rehearsal.drills.objectives import RELEASE
from generator.rehearsal.drills.shoppers import Shopper, Traffic, get, products
from generator.rehearsal.requests_rehearsal import deploy_key

DOES_NOT_START = "#!/bin/sh\necho this release is broken\nexit 1\n"
ANSWERS_ERRORS = """#!/bin/sh
exec "$PYTHON" -c '
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 500)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'
"""
BACK_WITHIN_SECONDS = 30.0


def broken_release(scene: Scene) -> Result:
    """CloudFormation takes back the first by itself; the second is taken back by deploying the former archive."""
    former, known = scene.archive_key, products(scene.live)
    cart = Shopper(scene.live).fill(_1=3)
    complaints = _complaints_about_a_release_that_does_not_start(scene, former)
    key = _publish(scene, "errors", ANSWERS_ERRORS)
    deployed = deploy_key(scene.rehearsal, scene.environment, key)
    scene.damage("a release that starts, and answers errors only, is in service")
    scene.live.workload.settle(scene.live.account_id)
    if not deployed.complete or products(scene.live) is not None:
        complaints.append("products are still shown: nothing was broken")
    scene.step(f"the former archive is deployed again: {former}")
    restored = deploy_key(scene.rehearsal, scene.environment, former)
    scene.live.workload.settle(scene.live.account_id)
    scene.step("products and carts are looked for")
    answered = until(lambda: products(scene.live) is not None, BACK_WITHIN_SECONDS)
    seconds = scene.seconds_since_damage
    if not restored.complete or not answered:
        complaints.append(f"the former release does not answer: {restored.status}")
    elif products(scene.live) != known:
        complaints.append("products are not what they were")
    if not cart.has_cart:
        complaints.append("a cart is lost")
    return Result(
        drill="release",
        objective=RELEASE,
        destroyed="the application, by a release",
        restored="the former release" if restored.complete else restored.status,
        lost="nothing" if not complaints else "; ".join(complaints),
        loss_seconds=0.0,
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


def _complaints_about_a_release_that_does_not_start(scene: Scene, former: str) -> list[str]:
    scene.step("a release that does not start is deployed while people browse")
    key = _publish(scene, "does-not-start", DOES_NOT_START)
    with Traffic(scene.live) as traffic:
        deployment = deploy_key(scene.rehearsal, scene.environment, key)
    scene.live.workload.settle(scene.live.account_id)
    complaints = []
    if deployment.status != "UPDATE_ROLLBACK_COMPLETE" or scene.archive_key != former:
        complaints.append(f"a release that does not start was not taken back: {deployment.status}")
    if traffic.lost:
        complaints.append(f"{traffic.lost} of {traffic.sent} requests failed twice during a release that failed")
    answer = get(scene.live, "application", "/api/products")
    if answer is None or answer.status != 200:
        complaints.append("the former release does not answer after one that does not start")
    return complaints


def _publish(scene: Scene, name: str, start: str) -> str:
    """Publish the application with another start script; return the key of its archive."""
    folder = scene.rehearsal.workspace / f"drill-{scene.environment}-{name}"
    archive = _with_start(build_archive(scene.rehearsal.project, folder), folder / "broken.tar.gz", start)
    has_domain = bool(scene.live.names.values["domain"])
    cloudformation = scene.client("cloudformation")
    return publish_to(scene.client("s3"), cloudformation, archive, scene.environment, has_domain).key


def _with_start(archive: Path, changed: Path, start: str) -> Path:
    with tarfile.open(archive) as former, tarfile.open(changed, "w:gz") as other:
        for member in former.getmembers():
            file = former.extractfile(member)
            content = file.read() if file else b""
            if member.name == "start":
                content = start.encode()
                member.size = len(content)
            other.addfile(member, io.BytesIO(content))
    return changed

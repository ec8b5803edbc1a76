"""The command `images`: builds and pushes what a release's tasks start from; the pipeline's action Images calls it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

APPLICATION = Path("application")
"""The folder that the application's image is built from."""

WAIVERS = Path("params/image_waivers.yaml")


@click.command(hidden=True)
def images() -> None:
    """Build and push the images of this source that the registry lacks; fail where one is critically vulnerable."""
    from generator.delivery import session
    from generator.delivery.docker import Docker
    from generator.delivery.image_push import push_missing
    from generator.delivery.image_scan import refuse_vulnerable
    from generator.delivery.image_waivers import load
    from generator.delivery.images import needed

    wanted, waivers = needed(APPLICATION), load(WAIVERS, datetime.now(UTC).date())
    ecr = session.client("ecr")
    with session.explained(f"pushing images in {ecr.meta.region_name}"):
        push_missing(ecr, Docker(), wanted, click.echo)
        refuse_vulnerable(ecr, wanted, waivers, click.echo)

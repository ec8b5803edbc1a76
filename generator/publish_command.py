"""The command `publish`: the current release goes to the pipeline's bucket. The pipeline's build calls it."""

from __future__ import annotations

from pathlib import Path

import click

from generator.command_help import examples
from generator.folders import PARAMS, TEMPLATES_OUT


@click.command(
    epilog=examples("publish --bucket my-templates", then="the pipeline's stages deploy what is in dist/"), hidden=True
)
@click.option("--bucket", required=True, help="Bucket that takes the templates.")
@click.option("--dist", type=click.Path(path_type=Path), default=Path("dist"), help="Folder for what stages deploy.")
@click.option("--images", "with_images", is_flag=True, help="Pin the images that tasks start from.")
def publish(bucket: str, dist: Path, with_images: bool) -> None:
    """Publish the current release to a bucket, pin its AMI, and write what the deploying stages work from."""
    from generator.delivery import session
    from generator.delivery.images import NO_IMAGES, needed, pinned
    from generator.delivery.publish import publish as run
    from generator.images_command import APPLICATION
    from generator.release import folder_of

    release = folder_of(TEMPLATES_OUT)
    with session.explained(f"pinning the images of {release.name}"):
        named = pinned(session.client("ecr"), needed(APPLICATION)) if with_images else NO_IMAGES
    published = run(session.client("s3"), session.client("ssm"), release, PARAMS, bucket, dist, named)
    for name, value in published.items():
        click.echo(f"{name}: {value}")

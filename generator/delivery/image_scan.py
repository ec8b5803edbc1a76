"""What ECR's scan of an image has found: nothing critical is promoted, unless it has been looked at and waived.

The scan begins when an image is pushed. Basic scanning, which is what a repository asks for by itself, knows the
packages of operating systems; with Amazon Inspector, which is a setting of the account, it knows those of languages,
too, and goes on as vulnerabilities become known.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.delivery.image_waivers import ImageWaiver
from generator.delivery.images import Image
from generator.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

CRITICAL = "CRITICAL"
WAITING, SCANNED = ("IN_PROGRESS", "PENDING"), ("COMPLETE", "ACTIVE")
"""States of a scan; with Amazon Inspector one that is done is active.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html"""

NOT_SCANNABLE = "UNSUPPORTED_IMAGE"
"""An image without an operating system that the scan knows, as the collector's is."""


@dataclass(frozen=True)
class Patience:
    """How long a scan may take, in seconds, and how often it is asked for."""

    seconds: float = 600.0
    pause: float = 10.0


def refuse_vulnerable(
    ecr: ECRClient,
    images: Sequence[Image],
    waivers: Sequence[ImageWaiver],
    on_line: Callable[[str], None],
    patience: Patience = Patience(),
) -> None:
    """Raise `UserError` naming every critical vulnerability of these images that is not waived.

    And where the scan of an image has failed, or does not end in time.
    """
    waived = {waiver.vulnerability for waiver in waivers}
    found: list[str] = []
    for image in images:
        state, why = _outcome(ecr, image, patience)
        if state == NOT_SCANNABLE:
            on_line(f"{image.name}: is not scanned: {why or 'its operating system is none that ECR knows'}")
            continue
        if state not in SCANNED:
            raise UserError(
                f"{image.name}: its scan is {state}: {why or 'see ECR'}; start it again and retry the stage"
            )
        critical = sorted(set(_critical(ecr, image)))
        on_line(f"{image.name}: scanned, critical: {', '.join(critical) or 'none'}")
        found += [f"{image.name}: {name}" for name in critical if name not in waived]
    if found:
        raise UserError(
            "critical vulnerabilities: " + "; ".join(found) + ": build from a newer base image, or waive each in "
            "params/image_waivers.yaml"
        )


def _outcome(ecr: ECRClient, image: Image, patience: Patience) -> tuple[str, str]:
    """Return how the scan of an image has ended, or where it is when there is no patience left."""
    give_up = time.monotonic() + patience.seconds
    while True:
        state, why = _state(ecr, image)
        if state not in WAITING or time.monotonic() >= give_up:
            return state, why
        time.sleep(patience.pause)


def _state(ecr: ECRClient, image: Image) -> tuple[str, str]:
    try:
        found = ecr.describe_image_scan_findings(repositoryName=image.repository, imageId={"imageTag": image.tag})
    except ecr.exceptions.ScanNotFoundException as error:
        return WAITING[-1], str(error)  # it begins a moment after the push
    status = found["imageScanStatus"]
    return status.get("status", "unknown"), status.get("description", "")


def _critical(ecr: ECRClient, image: Image) -> Iterator[str]:
    """Yield the names of the critical findings, as both kinds of scanning report them."""
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(
        repositoryName=image.repository, imageId={"imageTag": image.tag}
    )
    for page in pages:
        findings: Any = page.get("imageScanFindings", {})
        yield from (each["name"] for each in findings.get("findings", []) if each["severity"] == CRITICAL)
        for each in findings.get("enhancedFindings", []):
            if each["severity"] == CRITICAL:
                yield each.get("packageVulnerabilityDetails", {}).get("vulnerabilityId", each["findingArn"])

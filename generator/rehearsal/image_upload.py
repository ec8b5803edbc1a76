"""Push an image to a repository of Amazon ECR, call by call as a container engine does it."""

from __future__ import annotations

from typing import Any

from generator.rehearsal.oci_images import MANIFEST, Image

PART_BYTES = 5 * 1024 * 1024
"""ECR takes parts of 5 MiB at least, but for the last.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html
"""


def push(ecr: Any, repository: str, tag: str, image: Image, registry: str | None = None) -> str:
    """Push an image under a tag, by a client of ECR; return its digest. Layers that are there are not sent again.

    `registry` is the account of the repository where that is not the client's own. Raises botocore's `ClientError`.
    """
    where = {"repositoryName": repository, **({"registryId": registry} if registry else {})}
    known = ecr.batch_check_layer_availability(**where, layerDigests=list(image.blobs))["layers"]
    there = {layer["layerDigest"] for layer in known if layer["layerAvailability"] == "AVAILABLE"}
    for digest, blob in image.blobs.items():
        if digest not in there:
            _upload(ecr, where, digest, blob)
    put = ecr.put_image(
        **where,
        imageManifest=image.manifest.decode(),
        imageManifestMediaType=MANIFEST,
        imageTag=tag,
        imageDigest=image.digest,
    )
    return str(put["image"]["imageId"]["imageDigest"])


def _upload(ecr: Any, where: dict[str, str], digest: str, blob: bytes) -> None:
    upload = ecr.initiate_layer_upload(**where)["uploadId"]
    for first in range(0, len(blob), PART_BYTES):
        part = blob[first : first + PART_BYTES]
        ecr.upload_layer_part(
            **where,
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(**where, uploadId=upload, layerDigests=[digest])

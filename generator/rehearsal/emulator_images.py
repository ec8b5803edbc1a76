"""Image repositories of the emulator: layers that are kept, digests that are checked, and callers from other accounts.

ministack 1.5.33 keeps manifests and forgets layers, believes every digest, and lets whoever speaks Docker's own
protocol in without asking. Here images are pushed and pulled through ECR's API alone. Nothing is scanned, and
DescribeImageScanFindings says so.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import current_account_id, current_region
from generator.rehearsal.emulator_authorization import EVALUATOR, refusal, refusal_of_root
from generator.rehearsal.emulator_authorization_requests import caller_of, refuse
from generator.rehearsal.emulator_guards import Response, guarded, replace_function
from generator.rehearsal.emulator_json_answers import RESPONSES, answer, refused
from generator.rehearsal.emulator_resources_asked import ApiRequest, Known, ask_about

ECR = "ministack.services.ecr"
ACCOUNT = 4
KEY = "X-Download-Key"
PART_BYTES = 10 * 1024 * 1024

Data = dict[str, Any]

_uploads: dict[str, bytearray] = {}
"""Layers that are being pushed, by the id of the upload."""

_downloads: dict[str, tuple[str, str, str, str]] = {}
"""Layers that may be fetched: account, region, repository and digest by the key in the URL."""


def registries_of_other_accounts() -> None:
    """A request may name the registry of another account; IAM and the repository's policy are asked about that one.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
    """

    def in_registry(original: Any) -> Any:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
            responses: Any = import_module(RESPONSES)
            registry = _registry(body) or responses.get_account_id()
            with responses.request_scope(registry, responses.get_region()):
                action = headers.get("x-amz-target", "").rpartition(".")[2]
                if action in _MORE_ACTIONS:
                    return _MORE_ACTIONS[action](json.loads(body))
                response: Response = await original(method, path, headers, body, query_params)
                return response

        return handle_request

    def of_registry(request: ApiRequest, known: Known) -> str:
        owner = _registry(request.body) if request.service == "ecr" else ""
        return known(request._replace(account_id=owner or request.account_id))

    guarded(RESPONSES, "request_scope", "account_id", "region")
    replace_function(ECR, "handle_request", ("method", "path", "headers", "body", "query_params"), in_registry)
    ask_about(of_registry)
    parameters = ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context")
    replace_function(EVALUATOR, "enforce", parameters, _enforcing)


def layers_that_are_kept() -> None:
    """A layer is what was uploaded under its digest, and can be fetched again by whoever got its URL."""
    replace_function(ECR, "_initiate_layer_upload", ("data",), _initiating)
    replace_function(ECR, "_upload_layer_part", ("data",), lambda original: _upload_part)
    replace_function(ECR, "_complete_layer_upload", ("data",), lambda original: _complete_upload)
    replace_function(ECR, "_batch_check_layer_availability", ("data",), _checking)
    replace_function(ECR, "_get_download_url_for_layer", ("data",), _giving_url)
    replace_function(
        ECR,
        "handle_registry_request",
        ("method", "path", "headers", "body", "query_params"),
        lambda original: _answer_by_key,
    )


def images_with_digests() -> None:
    """An image has the digest of its manifest and all of its layers, and no tag moves where tags are fixed."""
    guarded(ECR, "_image_digest", "manifest")
    guarded(ECR, "_find_image", "repo_name", "image_id")
    replace_function(ECR, "_put_image", ("data",), _putting)
    replace_function(ECR, "_describe_images", ("data",), _describing)


# ---------------------------------------------------------------------------------------------------------------------
# Whose registry
# ---------------------------------------------------------------------------------------------------------------------


def _registry(body: bytes) -> str:
    try:
        data = json.loads(body or b"{}")
    except json.JSONDecodeError:
        return ""
    return str(data.get("registryId") or "") if isinstance(data, dict) else ""


def _enforcing(original: Any) -> Any:
    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Data | None = None,
    ) -> Any:
        denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
        parts = resource_arn.split(":")
        if denied or service != "ecr" or len(parts) <= ACCOUNT or parts[ACCOUNT] == current_account_id():
            return denied
        caller = caller_of(access_key_id)
        if caller is None:
            why = refusal_of_root(current_account_id(), iam_action, resource_arn)
        else:
            why = refusal(caller, iam_action, resource_arn, service_context or {}, region)
        return refuse(why, caller.arn if caller else f"arn:aws:iam::{current_account_id()}:root") if why else denied

    return enforce


# ---------------------------------------------------------------------------------------------------------------------
# Layers
# ---------------------------------------------------------------------------------------------------------------------


def _initiating(original: Any) -> Any:
    def initiate(data: Data) -> Response:
        response: Response = original(data)
        if response[0] < 300:
            _uploads[json.loads(response[2])["uploadId"]] = bytearray()
        return response

    return initiate


def _upload_part(data: Data) -> Response:
    content = _uploads.get(data["uploadId"])
    if content is None:
        return refused("UploadNotFoundException", f"The upload {data['uploadId']} does not exist.")
    if data["partFirstByte"] != len(content):
        return refused("InvalidLayerPartException", f"The next part begins at byte {len(content)}.")
    content += base64.b64decode(data["layerPartBlob"])
    return _answer(data, uploadId=data["uploadId"], lastByteReceived=len(content) - 1)


def _complete_upload(data: Data) -> Response:
    content = bytes(_uploads.get(data["uploadId"], b""))
    if not content:
        return refused("EmptyUploadException", "No layer parts were uploaded.")
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest not in data["layerDigests"]:
        return refused("InvalidLayerException", f"Layer digests do not match: what was uploaded is {digest}.")
    del _uploads[data["uploadId"]]
    layers = _layers(data["repositoryName"])
    if digest in layers:
        return refused("LayerAlreadyExistsException", f"The layer {digest} exists already.")
    layers[digest] = content
    return _answer(data, uploadId=data["uploadId"], layerDigest=digest)


def _checking(original: Any) -> Any:
    def check(data: Data) -> Response:
        response: Response = original(data)
        if response[0] >= 300:
            return response
        known = _layers(data["repositoryName"])
        found = [
            {
                "layerDigest": each,
                "layerAvailability": "AVAILABLE" if each in known else "UNAVAILABLE",
                "layerSize": len(known.get(each, b"")),
            }
            for each in data["layerDigests"]
        ]
        return _answer(None, layers=found, failures=[])

    return check


def _giving_url(original: Any) -> Any:
    def give(data: Data) -> Response:
        response: Response = original(data)
        if response[0] >= 300:
            return response
        name, digest = data["repositoryName"], data["layerDigest"]
        if digest not in _layers(name):
            return refused("LayersNotFoundException", f"The layer {digest} does not exist in {name}.")
        key = secrets.token_urlsafe(32)
        _downloads[key] = (current_account_id(), current_region(), name, digest)
        address = f"http://{os.environ['MINISTACK_HOST']}:{os.environ['GATEWAY_PORT']}"
        return _answer(None, downloadUrl=f"{address}/v2/{name}/blobs/{digest}?{KEY}={key}", layerDigest=digest)

    return give


async def _answer_by_key(
    method: str, path: str, headers: Any, body: bytes, query_params: Mapping[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    """Give the layer of a URL; refuse Docker's own protocol, for which nobody has credentials here."""
    given = query_params.get(KEY, "")
    found = _downloads.get(given[0] if isinstance(given, list) else given)
    if method != "GET" or found is None or path != f"/v2/{found[2]}/blobs/{found[3]}":
        return 401, {"Content-Type": "text/plain"}, b"no basic auth credentials"
    account_id, region, name, digest = found
    content: bytes = import_module(ECR)._layer_blobs.get_scoped(account_id, region, name, {})[digest]
    return 200, {"Content-Type": "application/octet-stream"}, content


def _layers(repository: str) -> dict[str, bytes]:
    found: dict[str, bytes] = import_module(ECR)._layer_blobs.setdefault(repository, {})
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Images
# ---------------------------------------------------------------------------------------------------------------------


def _putting(original: Any) -> Any:
    def put(data: Data) -> Response:
        ecr: Any = import_module(ECR)
        name, manifest = data["repositoryName"], data["imageManifest"]
        if name not in ecr._repositories:
            return original(data)  # type: ignore[no-any-return]
        digest = ecr._image_digest(manifest)
        if why := _problem(data, digest):
            return refused(*why)
        media = data.get("imageManifestMediaType") or json.loads(manifest).get("mediaType")
        response: Response = original(
            {**data, "imageDigest": digest, **({"imageManifestMediaType": media} if media else {})}
        )
        return response

    return put


def _problem(data: Data, digest: str) -> tuple[str, str] | None:
    """Return the code and message with which ECR refuses an image."""
    ecr: Any = import_module(ECR)
    name, tag = data["repositoryName"], data.get("imageTag")
    if data.get("imageDigest", digest) != digest:
        return "ImageDigestDoesNotMatchException", f"The manifest has the digest {digest}."
    missing = [each for each in _parts(json.loads(data["imageManifest"])) if each not in _layers(name)]
    if missing:
        return "LayersNotFoundException", f"Image requires layers that were not uploaded: {', '.join(missing)}."
    known = ecr._find_image(name, {"imageDigest": digest})
    if known and (tag is None or tag in known.get("imageTags", ())):
        return "ImageAlreadyExistsException", f"Image with digest '{digest}' and tag '{tag}' already exists."
    fixed = str(ecr._repositories[name].get("imageTagMutability")).startswith("IMMUTABLE")
    if fixed and tag and ecr._find_image(name, {"imageTag": tag}):
        return (
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
            "repository is immutable.",
        )
    return None


def _parts(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the digests of what an image is made of."""
    if "config" in manifest:
        yield manifest["config"]["digest"]
    for layer in manifest.get("layers", ()):
        yield layer["digest"]


def _describing(original: Any) -> Any:
    def describe(data: Data) -> Response:
        ecr: Any = import_module(ECR)
        name = data["repositoryName"]
        if name not in ecr._repositories:
            return original(data)  # type: ignore[no-any-return]
        for each in data.get("imageIds", ()):
            if ecr._find_image(name, each) is None:
                return _image_not_found(name, each)
        status, headers, body = original(data)
        details = json.loads(body)["imageDetails"]
        for each in details:
            image = ecr._find_image(name, {"imageDigest": each["imageDigest"]})
            manifest = json.loads(image["imageManifest"])
            each["imageSizeInBytes"] = sum(layer["size"] for layer in manifest.get("layers", ()))
            if not each["imageTags"]:
                del each["imageTags"]
        return status, headers, json.dumps({"imageDetails": details}).encode()

    return describe


def _scan_findings(data: Data) -> Response:
    ecr: Any = import_module(ECR)
    name = data["repositoryName"]
    if name not in ecr._repositories:
        return refused("RepositoryNotFoundException", f"The repository with name '{name}' does not exist")
    image = ecr._find_image(name, data["imageId"])
    if image is None:
        return _image_not_found(name, data["imageId"])
    status = {"status": "UNSUPPORTED_IMAGE", "description": "the emulator scans nothing"}
    return _answer(data, imageId={"imageDigest": image["imageDigest"]}, imageScanStatus=status)


def _image_not_found(name: str, image_id: Mapping[str, str]) -> Response:
    said = ", ".join(f"{key}:'{value}'" for key, value in image_id.items())
    return refused("ImageNotFoundException", f"The image with imageId {{{said}}} does not exist in '{name}'")


_MORE_ACTIONS: Mapping[str, Callable[[Data], Response]] = {"DescribeImageScanFindings": _scan_findings}
"""What ministack lacks."""


def _answer(data: Data | None, **content: Any) -> Response:
    place = {"registryId": current_account_id(), "repositoryName": data["repositoryName"]} if data else {}
    return answer(place | content)


IMAGES: tuple[Callable[[], None], ...] = (registries_of_other_accounts, layers_that_are_kept, images_with_digests)

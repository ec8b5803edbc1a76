"""Image repositories of the emulator keep what is pushed, check it, and ask IAM, also about other accounts."""

from __future__ import annotations

import hashlib
import json
import time
from importlib import import_module
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from conftest import REGION, Account
from guarded_patches import Patch, assert_notices_another_function, patches_of

from generator.rehearsal import emulator_images
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_authorization import EVALUATOR
from generator.rehearsal.emulator_images import ECR, IMAGES
from generator.rehearsal.emulator_resources_asked import ACTIONS

NAME = "web-platform/application"
LAYER, CONFIGURATION = b"a layer", b'{"architecture": "amd64"}'
MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
TEMPLATE = """
Parameters: {Reader: {Type: String}}
Resources:
  Key: {Type: 'AWS::KMS::Key', Properties: {KeyPolicy: {Statement: []}}}
  Repository:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: web-platform/application
      ImageTagMutability: IMMUTABLE
      ImageScanningConfiguration: {ScanOnPush: true}
      EncryptionConfiguration: {EncryptionType: KMS, KmsKey: !Ref Key}
      LifecyclePolicy: {LifecyclePolicyText: '{"rules": []}'}
      RepositoryPolicyText:
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub 'arn:aws:iam::${Reader}:root'}
            Action: [ecr:BatchGetImage, ecr:GetDownloadUrlForLayer]
          - Effect: Deny
            Principal: '*'
            Action: ecr:PutImage
            Condition: {ArnNotLike: {'aws:PrincipalArn': '*:role/Builder'}}
Outputs:
  Uri: {Value: !GetAtt Repository.RepositoryUri}
"""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_of(*layers: bytes) -> str:
    parts = [{"mediaType": "layer", "digest": digest_of(each), "size": len(each)} for each in layers]
    configuration = {"mediaType": "configuration", "digest": digest_of(CONFIGURATION), "size": len(CONFIGURATION)}
    return json.dumps({"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": configuration, "layers": parts})


def upload(ecr: Any, content: bytes, digest: str = "") -> None:
    started = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    given = {"repositoryName": NAME, "uploadId": started}
    half = len(content) // 2
    ecr.upload_layer_part(**given, partFirstByte=0, partLastByte=half - 1, layerPartBlob=content[:half])
    ecr.upload_layer_part(**given, partFirstByte=half, partLastByte=len(content) - 1, layerPartBlob=content[half:])
    ecr.complete_layer_upload(**given, layerDigests=[digest or digest_of(content)])


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


class Registry:
    """A repository in an account of its own, its builder, an account that may read, and one that may not."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        number = time.time_ns() % 10**10
        self.tools, self.reader, self.stranger = (Account(emulator, f"4{each}{number:010d}") for each in range(3))
        self.stack = self.tools.deploy("images", TEMPLATE, Reader=self.reader.account_id)
        self.builder = self.role(self.tools, "Builder", "*")
        self.pulling = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    def role(self, account: Account, name: str, actions: Any) -> Any:
        iam = account.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": account.account_id}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
        document = json.dumps({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
        return self.emulator.client_of_role("ecr", arn, account.account_id, REGION)

    def pull(self, ecr: Any) -> dict[str, bytes]:
        """Return the parts of the image by digest."""
        where = {"registryId": self.tools.account_id, "repositoryName": NAME}
        found = ecr.batch_get_image(**where, imageIds=[{"imageTag": "one"}])["images"][0]
        manifest = json.loads(found["imageManifest"])
        digests = [manifest["config"]["digest"], *(each["digest"] for each in manifest["layers"])]
        urls = [ecr.get_download_url_for_layer(**where, layerDigest=each)["downloadUrl"] for each in digests]
        return {digest: urllib3.request("GET", url).data for digest, url in zip(digests, urls, strict=True)}


@pytest.fixture(scope="module")
def registry(emulator: Emulator) -> Registry:
    made = Registry(emulator)
    for each in (LAYER, CONFIGURATION):
        upload(made.builder, each)
    made.builder.put_image(repositoryName=NAME, imageManifest=manifest_of(LAYER), imageTag="one")
    return made


def test_a_repository_is_as_its_template_says(registry: Registry) -> None:
    ecr, account = registry.tools.client("ecr"), registry.tools.account_id
    [found] = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfiguration"]["encryptionType"] == "KMS"
    assert found["repositoryUri"] == f"{account}.dkr.ecr.{REGION}.amazonaws.com/{NAME}"
    assert registry.tools.outputs(registry.stack)["Uri"] == found["repositoryUri"]
    assert json.loads(ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]) == {"rules": []}
    tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    assert {"Key": "project", "Value": "trial"} in tags


def test_an_image_has_the_digest_and_the_size_of_what_was_pushed(registry: Registry) -> None:
    [found] = registry.builder.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "one"}])["imageDetails"]
    assert found["imageDigest"] == digest_of(manifest_of(LAYER).encode())
    assert found["imageTags"] == ["one"]
    assert found["imageSizeInBytes"] == len(LAYER)
    assert found["imageManifestMediaType"] == MEDIA_TYPE
    [layer] = registry.builder.batch_check_layer_availability(repositoryName=NAME, layerDigests=[digest_of(LAYER)])[
        "layers"
    ]
    assert layer["layerAvailability"] == "AVAILABLE"


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    for missing in ({"imageTag": "two"}, {"imageDigest": digest_of(b"other")}):
        with pytest.raises(ClientError) as error:
            registry.builder.describe_images(repositoryName=NAME, imageIds=[missing])
        assert code_of(error) == "ImageNotFoundException"
    with pytest.raises(ClientError) as error:
        registry.builder.describe_images(repositoryName="other")
    assert code_of(error) == "RepositoryNotFoundException"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"imageManifest": manifest_of(LAYER), "imageTag": "one"}, "ImageAlreadyExistsException"),
        ({"imageManifest": manifest_of(LAYER, LAYER), "imageTag": "one"}, "ImageTagAlreadyExistsException"),
        ({"imageManifest": manifest_of(b"never pushed"), "imageTag": "two"}, "LayersNotFoundException"),
        (
            {"imageManifest": manifest_of(LAYER), "imageTag": "two", "imageDigest": digest_of(b"other")},
            "ImageDigestDoesNotMatchException",
        ),
    ],
)
def test_an_image_that_is_not_what_it_says_is_refused(registry: Registry, given: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as error:
        registry.builder.put_image(repositoryName=NAME, **given)
    assert code_of(error) == code


def test_a_layer_that_is_not_what_it_says_is_refused(registry: Registry) -> None:
    with pytest.raises(ClientError) as error:
        upload(registry.builder, b"a forged layer", digest_of(LAYER))
    assert code_of(error) == "InvalidLayerException"


def test_nothing_is_scanned_and_that_is_said(registry: Registry) -> None:
    found = registry.builder.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "one"})
    assert found["imageScanStatus"] == {"status": "UNSUPPORTED_IMAGE", "description": "the emulator scans nothing"}
    assert found["imageId"]["imageDigest"] == digest_of(manifest_of(LAYER).encode())


def test_another_account_pulls_where_both_sides_allow_it(registry: Registry) -> None:
    allowed = registry.role(registry.reader, "Allowed", registry.pulling)
    expected = {digest_of(each): each for each in (LAYER, CONFIGURATION)}
    assert registry.pull(allowed) == expected


def test_another_account_is_refused_where_one_side_does_not_allow_it(registry: Registry) -> None:
    lacks_rights = registry.role(registry.reader, "LacksRights", "s3:*")
    stranger = registry.role(registry.stranger, "Stranger", "*")
    for each in (lacks_rights, stranger, registry.stranger.client("ecr")):
        with pytest.raises(ClientError) as error:
            registry.pull(each)
        assert code_of(error) == "AccessDeniedException"
        assert "ecr:BatchGetImage" in str(error.value)


def test_nobody_but_the_builder_pushes(registry: Registry) -> None:
    other = registry.role(registry.tools, "Other", "*")
    with pytest.raises(ClientError, match="explicit deny") as error:
        other.put_image(repositoryName=NAME, imageManifest=manifest_of(LAYER, LAYER), imageTag="two")
    assert code_of(error) == "AccessDeniedException"


def test_a_layer_is_fetched_with_its_url_alone(registry: Registry) -> None:
    where = {"repositoryName": NAME, "layerDigest": digest_of(LAYER)}
    url = registry.builder.get_download_url_for_layer(**where)["downloadUrl"]
    assert urllib3.request("GET", url).data == LAYER
    for other in (url.partition("?")[0], f"{url}x", url.replace(digest_of(LAYER), digest_of(CONFIGURATION))):
        assert urllib3.request("GET", other).status == 401
    manifest = f"{registry.emulator.endpoint_url}/v2/{NAME}/manifests/two"
    assert urllib3.request("PUT", manifest, body=manifest_of(LAYER)).status == 401


GUARDED: list[tuple[Patch, str, str]] = [
    (emulator_images.registries_of_other_accounts, ECR, "handle_request"),
    (emulator_images.registries_of_other_accounts, ACTIONS, "extract_resource_arn"),
    (emulator_images.registries_of_other_accounts, EVALUATOR, "enforce"),
    *(
        (emulator_images.layers_that_are_kept, ECR, name)
        for name in (
            "_initiate_layer_upload",
            "_upload_layer_part",
            "_complete_layer_upload",
            "_batch_check_layer_availability",
            "_get_download_url_for_layer",
            "handle_registry_request",
        )
    ),
    (emulator_images.images_with_digests, ECR, "_put_image"),
    (emulator_images.images_with_digests, ECR, "_describe_images"),
]


@pytest.mark.parametrize(("patch", "module", "name"), GUARDED)
def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch, patch: Patch, module: str, name: str) -> None:
    for _, of, function in GUARDED:
        target: Any = import_module(of)
        monkeypatch.setattr(target, function, getattr(target, function))
    assert_notices_another_function(monkeypatch, patch, module, name)


def test_every_patch_is_applied_and_guarded() -> None:
    assert set(IMAGES) == {patch for patch, _, _ in GUARDED} == patches_of([emulator_images])

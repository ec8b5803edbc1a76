"""The repositories of images: part of the root `tools_account`.

Environments pull from them, and one build of the pipeline pushes to them. An image is kept for as long as its
repository: tags are immutable and nobody may take one away, so that only what has no tag expires. The release that an
environment runs names its images by digest, and a rollback names those of the release before (docs/pipeline.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import awacs.ecr
from awacs.aws import ArnLike, ArnNotEquals, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import AWSHelperFn, Sub, Template
from troposphere.ecr import EncryptionConfiguration, ImageScanningConfiguration, LifecyclePolicy, Repository

from generator.iam import account_root, allow_principal, arn, document
from generator.naming import APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY, IMAGES_ROLE, PROJECT, kebab_case, name_tag
from generator.retention import retain

PULL = [awacs.ecr.BatchGetImage, awacs.ecr.GetDownloadUrlForLayer]
"""What pulling an image takes of its repository.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html"""

UPLOAD = [
    awacs.ecr.CompleteLayerUpload,
    awacs.ecr.InitiateLayerUpload,
    awacs.ecr.PutImage,
    awacs.ecr.UploadLayerPart,
]
"""What changes the content of a repository when an image is pushed.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""

TAKE_AWAY = [awacs.ecr.BatchDeleteImage, awacs.ecr.UpdateImageStorageClass]
"""What makes an image, or its tag, unavailable: deletion, and the archive, from which nothing is pulled."""

UNTAGGED_DAYS = 7
"""How long an image stays that no tag names: what a push that was broken off has left."""


def add_image_repositories(template: Template, key: AWSHelperFn, readers: Sequence[Sub]) -> None:
    """Add a repository for the application's images and one for the collector's; `readers` are accounts that pull."""
    for title, name in (
        ("ApplicationRepository", APPLICATION_REPOSITORY),
        ("CollectorRepository", COLLECTOR_REPOSITORY),
    ):
        template.add_resource(
            retain(
                Repository(
                    title,
                    RepositoryName=name,  # a fixed name: builds and environments of other stacks find it by that
                    EncryptionConfiguration=EncryptionConfiguration(EncryptionType="KMS", KmsKey=key),
                    # Where the account scans with Amazon Inspector, that goes before this.
                    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
                    ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=True),
                    ImageTagMutability="IMMUTABLE",
                    LifecyclePolicy=LifecyclePolicy(LifecyclePolicyText=_lifecycle()),
                    RepositoryPolicyText=_policy(readers),
                    Tags=name_tag(kebab_case(title)),
                )
            )
        )


def _lifecycle() -> str:
    """Return ECR's rules of what expires.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    untagged = {
        "rulePriority": 1,
        "description": "What a broken push has left",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": UNTAGGED_DAYS,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [untagged]}, separators=(",", ":"))


def _policy(readers: Sequence[Sub]) -> PolicyDocument:
    """Return who pulls and who pushes. A repository's policy has no resource: it is this repository's.

    Denials name this account: another one's principals may do what is allowed here, and that is pulling.
    """
    here = Principal("AWS", account_root())
    roles = ArnLike({"aws:PrincipalArn": arn(f"iam::*:role/{PROJECT}-*")})
    pusher = ArnNotEquals({"aws:PrincipalArn": arn(f"iam::${{AWS::AccountId}}:role/{IMAGES_ROLE}")})
    return document(
        allow_principal("PullByEnvironments", Principal("AWS", list(readers)), PULL, condition=Condition(roles)),
        Statement(
            Sid="PushByTheBuildOfImagesAlone",
            Effect=Deny,
            Principal=here,
            Action=UPLOAD,
            Condition=Condition(pusher),
        ),
        Statement(Sid="NobodyTakesAnImageAway", Effect=Deny, Principal=here, Action=TAKE_AWAY),
    )

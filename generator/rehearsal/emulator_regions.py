"""What differs from region to region in AWS and is the same everywhere in ministack 1.5.33: bucket addresses, AMIs."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from generator.rehearsal.emulator_guards import guarded, replace_function

TEMPLATES = "ministack.services.cloudformation.helpers"
PARAMETERS = "ministack.services.ssm"


def virtual_hosted_template_urls() -> None:
    """CloudFormation reads `https://BUCKET.s3.REGION.amazonaws.com/KEY`, as taskcat writes it, besides the path style.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """

    def either_style(original: Any) -> Any:
        def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> Any:
            given = params.get(url_key, "")
            url = str(given[0] if isinstance(given, list) else given)
            return original({**params, url_key: [_path_style(url)]} if url else params, body_key, url_key, label)

        return resolve

    replace_function(TEMPLATES, "_resolve_document", ("params", "body_key", "url_key", "label"), either_style)


def images_of_each_region() -> None:
    """A public AMI has another id in each region; ministack's has one and the same everywhere.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIs.html
    """

    def of_its_region(original: Any) -> Any:
        def public_parameter(name: str) -> Any:
            parameter = original(name)
            if parameter is None:
                return None
            region = import_module("ministack.core.responses").get_region()
            identity = hashlib.sha256(f"{parameter['Value']} in {region}".encode()).hexdigest()[:17]
            return {**parameter, "Value": f"ami-{identity}"}

        return public_parameter

    guarded("ministack.core.responses", "get_region")
    replace_function(PARAMETERS, "_public_parameter", ("name",), of_its_region)


def _path_style(url: str) -> str:
    parts = urlsplit(url)
    bucket, found, endpoint = (parts.hostname or "").partition(".s3.")
    return f"https://s3.{endpoint}/{bucket}{parts.path}" if found else url

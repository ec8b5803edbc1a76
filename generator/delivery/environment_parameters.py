"""SSM parameters by which an environment's account tells the stacks what they cannot make themselves.

Stacks read them while they are deployed (`{{resolve:ssm:...}}`). An administrator's commands write them: a certificate
that was imported, or what stands in us-east-1, where CloudFront looks.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from generator.naming import PROJECT

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import TagTypeDef


def path(environment_name: str, name: str) -> str:
    """Return a parameter's full name, such as `/web-platform/dev/certificate-arn`."""
    return f"/{PROJECT}/{environment_name}/{name}"


def read(ssm: SSMClient, full_name: str) -> str:
    """Return the value of a parameter, or nothing where there is none."""
    try:
        return ssm.get_parameter(Name=full_name)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return ""


def store(ssm: SSMClient, full_name: str, value: str, tags: Mapping[str, str]) -> bool:
    """Let a parameter have a value; return whether that was a change. A new one gets the tags.

    SSM takes no tags together with a new value.
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    former = read(ssm, full_name)
    if former == value:
        return False
    if former:
        ssm.put_parameter(Name=full_name, Value=value, Overwrite=True)
    else:
        pairs: list[TagTypeDef] = [{"Key": key, "Value": tag} for key, tag in tags.items()]
        ssm.put_parameter(Name=full_name, Value=value, Type="String", Tags=pairs)
    return True

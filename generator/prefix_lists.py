"""Where CloudFront's requests to origins come from: AWS's prefix list of those addresses, by region.

A list has an id of its own in each region, called `com.amazonaws.global.cloudfront.origin-facing` everywhere, and no
public parameter that CloudFormation could read. A list counts as 55 rules of a security group's 60, whatever it holds.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html
https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html

The ids are not in AWS's documentation. These are the ones on which public projects agree; before you add a region, or
where you doubt an id, ask in the region: `aws ec2 describe-managed-prefix-lists --filters
Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing`.
https://github.com/UBC-CIC/Optimizing-Sedation
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CLOUDFRONT_ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "ap-northeast-1": "pl-58a04531",
        "ap-northeast-2": "pl-22a6434b",
        "ap-south-1": "pl-9aa247f3",
        "ap-southeast-1": "pl-31a34658",
        "ap-southeast-2": "pl-b8a742d1",
        "ca-central-1": "pl-38a64351",
        "eu-central-1": "pl-a3a144ca",
        "eu-north-1": "pl-fab65393",
        "eu-west-1": "pl-4fa04526",
        "eu-west-2": "pl-93a247fa",
        "eu-west-3": "pl-75b1541c",
        "sa-east-1": "pl-5da64334",
        "us-east-1": "pl-3b927c52",
        "us-east-2": "pl-b6a144df",
        "us-west-1": "pl-4ea04527",
        "us-west-2": "pl-82a045eb",
    }
)
"""Ids of the prefix list by region."""

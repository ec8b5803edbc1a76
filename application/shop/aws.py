"""Clients of AWS that give up soon: who waits for an answer here is a visitor of the shop."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

PATIENCE = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


def client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region, config=PATIENCE)


def resource(service: str, region: str) -> Any:
    return boto3.resource(service, region_name=region, config=PATIENCE)

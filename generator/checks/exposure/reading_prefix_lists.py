"""Whose addresses stand on a prefix list. The proof knows one kind: CloudFront's, which has an id in each region."""

from __future__ import annotations

from typing import Any

from generator.checks.exposure.network import Place
from generator.prefix_lists import CLOUDFRONT_ADDRESSES


def members(prefix_list: Any, region: str) -> Place | None:
    """Return who has the addresses on a prefix list in a region; None for a list that the proof does not know."""
    return Place.CLOUDFRONT if prefix_list == CLOUDFRONT_ADDRESSES.get(region) else None

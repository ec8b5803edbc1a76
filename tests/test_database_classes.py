"""Instance classes whose memory is known: the allowed ones and no others."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.database_classes import MEMORY_GIB, PATTERN

FAMILIES = [*sorted({name.split(".")[1] for name in MEMORY_GIB}), "t2", "x2g", "m4"]
SIZES = ["micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge"]


@given(st.sampled_from(FAMILIES), st.sampled_from(SIZES))
def test_what_the_pattern_allows_is_what_the_table_knows(family: str, size: str) -> None:
    name = f"db.{family}.{size}"
    assert bool(re.fullmatch(PATTERN, name)) == (name in MEMORY_GIB)


@pytest.mark.parametrize(
    ("name", "memory"), [("db.t3.micro", 1), ("db.t4g.medium", 4), ("db.m6i.large", 8), ("db.r6g.4xlarge", 128)]
)
def test_memory_is_the_one_that_aws_states(name: str, memory: int) -> None:
    assert MEMORY_GIB[name] == memory


def test_next_size_has_twice_the_memory() -> None:
    for family in {name.split(".")[1] for name in MEMORY_GIB}:
        sizes = [memory for name, memory in MEMORY_GIB.items() if name.split(".")[1] == family]
        assert all(larger == 2 * smaller for smaller, larger in pairwise(sizes)), family

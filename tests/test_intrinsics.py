"""The functions on known values give what CloudFormation gives; on symbols they keep what the value hangs on."""

from __future__ import annotations

import base64
import re
from ipaddress import IPv4Network, IPv6Network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.intrinsics import IntrinsicError, apply, as_text, has_symbol, split_items, substitute, symbol

texts = st.text(st.characters(exclude_characters="⟨⟩", exclude_categories=["Cs"]), max_size=12)
words = st.text("abc/:.-", max_size=5)
symbols = st.from_regex(r"[A-Z][a-z]{1,5}/[A-Z][a-z]{1,5}(\.[A-Z][a-z]{1,5})?", fullmatch=True).map(symbol)


@pytest.mark.parametrize(
    ("function", "argument", "result"),
    [
        ("Fn::Cidr", ["10.10.0.0/16", "3", "12"], ["10.10.0.0/20", "10.10.16.0/20", "10.10.32.0/20"]),
        ("Fn::Cidr", ["10.0.0.0/24", 2, 6], ["10.0.0.0/26", "10.0.0.64/26"]),
        ("Fn::Cidr", ["2001:db8::/56", 2, 64], ["2001:db8::/64", "2001:db8:0:1::/64"]),
        ("Fn::Select", ["1", ["a", "b"]], "b"),
        ("Fn::Select", [0, [{"Key": "x"}]], {"Key": "x"}),
        ("Fn::Join", [",", ["a", 1, True]], "a,1,true"),
        ("Fn::Join", ["", []], ""),
        ("Fn::Split", ["|", "a||b"], ["a", "", "b"]),
        ("Fn::Base64", "hello", "aGVsbG8="),
    ],
)
def test_a_function_of_known_values_is_evaluated(function: str, argument: Any, result: Any) -> None:
    assert apply(function, argument) == result


@pytest.mark.parametrize(
    ("function", "argument", "result"),
    [
        ("Fn::Cidr", ["⟨Network/Vpc.CidrBlock⟩", 16, "12"], "⟨Fn::Cidr ⟨Network/Vpc.CidrBlock⟩ 16 12⟩"),
        ("Fn::Cidr", ["10.0.0.0/16", "⟨Count⟩", "8"], "⟨Fn::Cidr 10.0.0.0/16 ⟨Count⟩ 8⟩"),
        ("Fn::Select", ["0", "⟨Fn::GetAZs ⟩"], "⟨Fn::Select 0 ⟨Fn::GetAZs ⟩⟩"),
        ("Fn::Select", ["⟨Index⟩", ["a", "b"]], "⟨Fn::Select ⟨Index⟩ a,b⟩"),
        ("Fn::Select", ["1", ["⟨A⟩", "⟨B⟩"]], "⟨B⟩"),
        ("Fn::Join", [",", "⟨Endpoint.DnsEntries⟩"], "⟨Fn::Join , ⟨Endpoint.DnsEntries⟩⟩"),
        ("Fn::Join", [",", ["⟨A⟩", "b"]], "⟨A⟩,b"),
        ("Fn::Split", [":", "⟨Role.Arn⟩"], "⟨Fn::Split : ⟨Role.Arn⟩⟩"),
        ("Fn::Split", [",", "⟨A⟩,b"], ["⟨A⟩", "b"]),
        ("Fn::GetAZs", "eu-west-1", "⟨Fn::GetAZs eu-west-1⟩"),
        ("Fn::Base64", "mount ⟨Files⟩", "⟨Fn::Base64 mount ⟨Files⟩⟩"),
    ],
)
def test_a_function_that_would_look_inside_a_symbol_is_a_symbol(function: str, argument: Any, result: Any) -> None:
    assert apply(function, argument) == result


@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        ("Fn::Cidr", ["10.0.0.0/16", 2], "takes a block, a count and the bits"),
        ("Fn::Cidr", ["10.0.0.0/24", 9, "5"], "has no 9 ranges of 5 bits"),
        ("Fn::Cidr", ["10.0.0.0/16", 0, "8"], "has no 0 ranges"),
        ("Fn::Cidr", ["10.0.0.0/8", 257, "8"], "1 to 256"),
        ("Fn::Cidr", ["10.0.0.0/24", 1, "9"], "prefix"),
        ("Fn::Cidr", ["10.0.0.1/16", 1, "8"], "host bits set"),
        ("Fn::Cidr", ["here", 1, "8"], "does not appear to be an IPv4 or IPv6 network"),
        ("Fn::Cidr", ["10.0.0.0/16", "many", "8"], "many"),
        ("Fn::Select", ["2", ["a", "b"]], "no item 2"),
        ("Fn::Select", ["-1", ["a", "b"]], "no item -1"),
        ("Fn::Select", ["0", "a,b"], "a list is needed"),
        ("Fn::Select", "0", "takes an index and a list"),
        ("Fn::Join", [",", "a,b"], "a list is needed"),
        ("Fn::Join", [",", [["a"]]], "text or a number is needed"),
        ("Fn::Split", ["", "ab"], "the delimiter is empty"),
        ("Fn::Split", [",", ["a"]], "text or a number is needed"),
        ("Fn::Base64", {"a": "b"}, "text or a number is needed"),
    ],
)
def test_what_cloudformation_refuses_names_the_function(function: str, argument: Any, message: str) -> None:
    with pytest.raises(IntrinsicError, match=f"^{function}: .*{re.escape(message)}"):
        apply(function, argument)


@given(st.integers(0, 2**16 - 1), st.integers(16, 28), st.data())
def test_ranges_of_cidr_are_neighbours_that_fill_the_block_from_its_start(high: int, prefix: int, data: Any) -> None:
    block = IPv4Network((high << 16, prefix))
    bits = data.draw(st.integers(1, 32 - prefix))
    count = data.draw(st.integers(1, min(256, 2 ** (32 - prefix - bits))))
    ranges = [IPv4Network(part) for part in apply("Fn::Cidr", [str(block), str(count), str(bits)])]
    assert len(ranges) == count
    assert ranges[0].network_address == block.network_address
    assert all(part.num_addresses == 2**bits and part.subnet_of(block) for part in ranges)
    assert all(int(b.network_address) - int(a.network_address) == 2**bits for a, b in pairwise(ranges))


@given(st.integers(0, 2**56 - 1), st.integers(1, 256))
def test_cidr_cuts_ipv6_by_the_bits_of_a_host_too(high: int, count: int) -> None:
    block = IPv6Network((high << 72, 56))
    assert [IPv6Network(part) for part in apply("Fn::Cidr", [str(block), count, 64])] == list(
        block.subnets(new_prefix=64)
    )[:count]


@given(st.lists(texts, min_size=1), texts.filter(bool))
def test_split_and_join_are_inverse(items: list[str], delimiter: str) -> None:
    text = apply("Fn::Join", [delimiter, items])
    assert apply("Fn::Split", [delimiter, text]) == text.split(delimiter)
    assert apply("Fn::Join", [delimiter, apply("Fn::Split", [delimiter, text])]) == text


@given(st.lists(st.one_of(words, symbols), min_size=1), st.data())
def test_a_list_of_symbols_survives_the_way_through_text(items: list[str], data: Any) -> None:
    """So that the ids of subnets pass from one stack's output into another's list parameter."""
    text = apply("Fn::Join", [",", items])
    assert split_items(text) == items
    index = data.draw(st.integers(0, len(items) - 1))
    assert apply("Fn::Select", [str(index), apply("Fn::Split", [",", text])]) == items[index]


@given(texts, symbols, texts)
def test_a_delimiter_inside_a_symbol_does_not_split(before: str, inner: str, after: str) -> None:
    held = symbol(f"Fn::Join , {inner}")
    assert split_items(f"a,{held},b") == ["a", held, "b"]
    assert has_symbol({"k": [f"{before}{held}{after}"]})
    assert not has_symbol({"k": [before, after]})


@given(st.lists(st.tuples(texts.filter(lambda text: "$" not in text), st.sampled_from("ABC")), max_size=6))
def test_sub_replaces_each_name_and_nothing_else(parts: list[tuple[str, str]]) -> None:
    values = {"A": "⟨Network/Vpc⟩", "B": "${C}", "C": 7}
    text = "".join(f"{literal}${{{name}}}" for literal, name in parts)
    assert substitute(text, values.__getitem__) == "".join(f"{literal}{values[name]}" for literal, name in parts)


def test_sub_leaves_what_is_escaped_or_no_variable() -> None:
    assert substitute("${!A} $A $(A) ${ A }", {"A": "x"}.__getitem__) == "${A} $A $(A) x"


@given(texts)
def test_base64_can_be_read_back(text: str) -> None:
    assert base64.b64decode(apply("Fn::Base64", text)).decode() == text


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (80, "80"), (0.5, "0.5"), ("", "")])
def test_scalars_read_as_cloudformation_writes_them(value: Any, text: str) -> None:
    assert as_text(value) == text

"""The line of IPv4 addresses, cut at every bound that anything in the network uses.

Between two cuts no rule, route or subnet can tell one address from another, so that one verdict holds for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import NamedTuple

from generator.errors import UserError

FAMILIAR = int(IPv4Address("198.51.100.7"))
"""What a counterexample names when any address would do: an address that is reserved for documentation (RFC 5737)."""

RESERVED_IN_SUBNET = 4
"""The first addresses of a subnet belong to AWS.
https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


class Block(NamedTuple):
    """Addresses that follow each other, with both ends."""

    first: int
    last: int

    def covers(self, other: Block) -> bool:
        """Return whether all of another block lies in this one."""
        return self.first <= other.first and other.last <= self.last

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        """Return the address that a counterexample names."""
        if self.first <= FAMILIAR <= self.last:
            return str(IPv4Address(FAMILIAR))
        return str(IPv4Address(self.first + min(RESERVED_IN_SUBNET, self.size - 1)))


EVERYWHERE = Block(0, 2**32 - 1)

BROADCAST = Block(2**32 - 1, 2**32 - 1)
"""The limited broadcast address, which no router passes on (RFC 919): the one address that nobody has."""


def block(cidr: str, where: str) -> Block:
    """Return the addresses of a range such as `10.0.0.0/16`. Raises `UserError`, which says where, if it is none."""
    try:
        network = IPv4Network(cidr, strict=False)
    except ValueError as error:
        raise UserError(
            f"{where}: {cidr!r} is no IPv4 range; allowed: an address and a length, such as 10.0.0.0/16"
        ) from error
    return Block(int(network.network_address), int(network.broadcast_address))


def without(whole: Iterable[Block], taken: Iterable[Block]) -> list[Block]:
    """Return the parts of blocks that lie in none of the taken ones."""
    left = list(whole)
    for gone in taken:
        below = [Block(one.first, min(one.last, gone.first - 1)) for one in left]
        above = [Block(max(one.first, gone.last + 1), one.last) for one in left]
        left = sorted({part for part in below + above if part.first <= part.last})
    return left


def atoms(whole: Iterable[Block], bounds: Iterable[Block]) -> list[Block]:
    """Return blocks cut at the ends of all bounds."""
    cuts = sorted({edge for bound in bounds for edge in (bound.first, bound.last + 1)})
    return [
        Block(first, after - 1)
        for one in whole
        for first, after in pairwise([one.first, *(cut for cut in cuts if one.first < cut <= one.last), one.last + 1])
    ]

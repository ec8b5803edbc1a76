"""What a packet asks for, as points on one line: TCP ports, UDP ports, ICMP types, then every other protocol.

A set of services is an integer with one bit for each point. Rules of security groups and network ACLs speak of nothing
else besides addresses, so that set operations on these integers are exact: no port is left out and none is sampled.
"""

from __future__ import annotations

import re

from generator.errors import UserError

Services = int
"""A set of services; bit n says whether point n is in it."""

ICMP, TCP, UDP = 1, 6, 17
PORTS, TYPES, PROTOCOLS = 65_536, 256, 256

_LINES = {TCP: (0, PORTS), UDP: (PORTS, PORTS), ICMP: (2 * PORTS, TYPES)}
"""Where the points of a protocol begin, and how many it has."""
_OTHERS = 2 * PORTS + TYPES
_NAMES = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": 58, "all": -1}

NONE: Services = 0
ALL: Services = (1 << _OTHERS) - 1 | sum(1 << (_OTHERS + number) for number in range(PROTOCOLS) if number not in _LINES)


def tcp(*ports: int | tuple[int, int]) -> Services:
    """Return TCP ports; a pair is a range with both ends."""
    found = NONE
    for port in ports:
        first, last = port if isinstance(port, tuple) else (port, port)
        found |= _run(first, last)
    return found


def services(protocol: str | int, first: int | None = None, last: int | None = None) -> Services:
    """Return what a rule speaks of: a protocol by name or number, -1 for all, and a range of ports or ICMP types.

    Without a range, or with -1, the protocol is meant as a whole. Protocols other than TCP, UDP and ICMP have no ports:
    EC2 lets all of their traffic pass whatever range a rule names.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    number = _number(protocol)
    if number == -1:
        return ALL
    if number not in _LINES:
        return 1 << (_OTHERS + number)
    start, size = _LINES[number]
    if first is None or first == -1:
        return _run(start, start + size - 1)
    # An ICMP rule names a type and a code. One code is enough for a packet of that type to pass.
    end = first if number == ICMP or last is None else last
    if not 0 <= first <= end < size:
        raise UserError(f"ports {first} to {end} of protocol {protocol} are not allowed; allowed: 0 to {size - 1}")
    return _run(start + first, start + end)


def lowest(found: Services) -> Services:
    """Return the set with only the first service of a set."""
    return found & -found


def text(found: Services) -> str:
    """Return a set in words: `tcp 80, 443`, `everything`, `nothing`."""
    if found in (ALL, NONE):
        return "everything" if found else "nothing"
    parts = [
        f"{name} {_runs(found >> _LINES[number][0] & _run(0, _LINES[number][1] - 1), _LINES[number][1])}"
        for name, number in (("tcp", TCP), ("udp", UDP), ("icmp type", ICMP))
        if found >> _LINES[number][0] & _run(0, _LINES[number][1] - 1)
    ]
    if found >> _OTHERS:
        parts.append(f"protocol {_runs(found >> _OTHERS, PROTOCOLS)}")
    return "; ".join(parts)


def _number(protocol: str | int) -> int:
    name = str(protocol).lower()
    if name in _NAMES:
        return _NAMES[name]
    if re.fullmatch(r"-1|\d{1,3}", name, re.ASCII) and int(name) < PROTOCOLS:
        return int(name)
    raise UserError(f"protocol {protocol!r} is not allowed; allowed: {', '.join(_NAMES)}, -1 or a number up to 255")


def _run(first: int, last: int) -> Services:
    return (1 << (last + 1)) - (1 << first)


def _runs(bits: int, size: int) -> str:
    if bits == _run(0, size - 1):
        return "all"
    spans = [(match.start(), match.end() - 1) for match in re.finditer("1+", bin(bits)[:1:-1])]
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


EPHEMERAL = tcp((1024, 65535))
"""The ports that clients answer from. NAT gateways and load balancers use all of them."""

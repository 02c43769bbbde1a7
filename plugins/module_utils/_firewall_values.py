# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Sets of ports and of addresses as the firewall knows them, in one normal form so that `==` compares by meaning.

Invariants: ranges are sorted, merged and never touch; a set without ranges and keywords is "any"; a set that covers
everything is "any" too. `overlap` answers in three values, because a keyword (LocalSubnet, RPC) stands for numbers that
only the host knows.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ._errors import DomainError

Range = tuple[int, int]

MAX_PORT = 65535
ENDPOINT_MAPPER_PORT = 135
RPC = "RPC"
RPC_EPMAP = "RPC-EPMap"

# Where RPC servers get their ports from: the default since Vista / 2008, and the lowest any Windows uses [KB154596].
DYNAMIC_PORTS: Range = (49152, MAX_PORT)
LOWEST_DYNAMIC_PORT = 1025

# Port keywords by the field that may hold them (MS-GPFAS 2.2.2.4-2.2.2.7). Fields of newer schemas (LPort2_20 ...) hold
# only keywords, of which new ones appear with new Windows versions: those are taken as they are.
PORT_KEYWORDS = {
    "lport": (RPC, RPC_EPMAP, "Teredo"),
    "rport": (),
    "lport2_10": ("IPTLSIn", "IPHTTPSIn"),
    "rport2_10": ("IPTLSOut", "IPHTTPSOut"),
}
_PORT_WORDS = {word.lower(): word for words in PORT_KEYWORDS.values() for word in words}

# MS-GPFAS 2.2.2.9 (ADDRESS-KEYWORD-VAL) and 2.2.2.19 (RA42, RA62).
ADDRESS_KEYWORDS = ("LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway")
_ADDRESS_WORDS = {
    word.lower(): word
    for word in (*ADDRESS_KEYWORDS, "IntrAnet", "IntErnet", "Ply2Renders", "RmtIntrAnet", "CaptivePortal")
}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_NUMBER = re.compile(r"[0-9]{1,5}\Z")
_LAST = {4: 2**32 - 1, 6: 2**128 - 1}


class Match(enum.IntEnum):
    """Whether two sets meet. MAYBE: it depends on what a keyword means on the host. `min` is "and", `max` is "or"."""

    NO = 0
    MAYBE = 1
    YES = 2


def merge_ranges(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same numbers in as few ranges as possible, ascending."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def ranges_meet(left: Iterable[Range], right: tuple[Range, ...]) -> bool:
    return any(low <= other_high and other_low <= high for low, high in left for other_low, other_high in right)


def ranges_within(inner: Iterable[Range], outer: tuple[Range, ...]) -> bool:
    """Whether every number of `inner` is in `outer` (which is merged, so one range must hold each)."""
    return all(any(low <= start and end <= high for low, high in outer) for start, end in inner)


@dataclass(frozen=True, slots=True)
class PortSet:
    """TCP or UDP ports, 0-65535, and port keywords. `PortSet()` is any port."""

    ranges: tuple[Range, ...] = ()
    keywords: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if any(not 0 <= low <= high <= MAX_PORT for low, high in self.ranges):
            raise DomainError(f"ports are 0-65535, ascending in a range: {self.ranges}")
        merged = merge_ranges(self.ranges)
        # Nothing uses port 0, so 1-65535 is every port.
        covers_all = ranges_within([(1, MAX_PORT)], merged)
        object.__setattr__(self, "ranges", () if covers_all else merged)
        object.__setattr__(self, "keywords", frozenset() if covers_all else frozenset(self.keywords))

    @classmethod
    def of(cls, *items: int | str) -> PortSet:
        """Ports from numbers and texts: ``135``, ``"5000-5100"``, ``"RPC"``, ``"any"``. Raises: DomainError."""
        ports = [parse_port(str(item)) for item in items if str(item).lower() != "any"]
        if len(ports) < len(items) and len(items) > 1:
            raise DomainError(f"'any' stands alone, not among other ports: {items}")
        return cls(tuple(p for p in ports if not isinstance(p, str)), frozenset(p for p in ports if isinstance(p, str)))

    @property
    def is_any(self) -> bool:
        return not self.ranges and not self.keywords

    def texts(self) -> tuple[str, ...]:
        """The parts in ascending order, keywords last; () for any."""
        numbers = [str(low) if low == high else f"{low}-{high}" for low, high in self.ranges]
        return (*numbers, *sorted(self.keywords))

    def __str__(self) -> str:
        return ", ".join(self.texts()) or "any"

    def overlap(self, other: PortSet) -> Match:
        """Whether a port can be in both."""
        if self.is_any or other.is_any or self.keywords & other.keywords or ranges_meet(self.ranges, other.ranges):
            return Match.YES
        return max(_keywords_meet(self.keywords, other.ranges), _keywords_meet(other.keywords, self.ranges))


def _keywords_meet(keywords: frozenset[str], ranges: tuple[Range, ...]) -> Match:
    mapper = (ENDPOINT_MAPPER_PORT, ENDPOINT_MAPPER_PORT)
    if RPC_EPMAP in keywords and ranges_meet([mapper], ranges):
        return Match.YES
    if RPC in keywords and ranges_within([DYNAMIC_PORTS], ranges):
        return Match.YES
    if RPC in keywords and ranges_meet([(LOWEST_DYNAMIC_PORT, MAX_PORT)], ranges):
        return Match.MAYBE
    known = keywords <= {RPC, RPC_EPMAP}
    return Match.NO if known or not ranges else Match.MAYBE


ANY_PORT = PortSet()


def parse_port(text: str) -> Range | str:
    """One port, one range or one keyword (in its usual spelling). Raises: DomainError."""
    low, dash, high = text.partition("-")
    if _NUMBER.match(low) and (not dash or _NUMBER.match(high)):
        first, last = int(low), int(high if dash else low)
        if first <= last <= MAX_PORT:
            return first, last
        raise DomainError(f"ports are 0-65535, ascending in a range: {text!r}")
    if _WORD.match(text):
        return _PORT_WORDS.get(text.lower(), text)
    raise DomainError(f"not a port, a range of ports or a port keyword: {text!r}")


@dataclass(frozen=True, slots=True)
class AddressSet:
    """IPv4 and IPv6 addresses and address keywords. `AddressSet()` is any address.

    A set with ranges of one family only does not contain addresses of the other. Keywords are kept per family, because
    ``RA4=LocalSubnet`` alone says nothing of IPv6.
    """

    ranges4: tuple[Range, ...] = ()
    ranges6: tuple[Range, ...] = ()
    keywords: frozenset[tuple[int, str]] = frozenset()

    def __post_init__(self) -> None:
        merged4, merged6 = merge_ranges(self.ranges4), merge_ranges(self.ranges6)
        covers_all = merged4 == ((0, _LAST[4]),) and merged6 == ((0, _LAST[6]),)
        object.__setattr__(self, "ranges4", () if covers_all else merged4)
        object.__setattr__(self, "ranges6", () if covers_all else merged6)
        object.__setattr__(self, "keywords", frozenset() if covers_all else frozenset(self.keywords))

    @classmethod
    def of(cls, *items: str) -> AddressSet:
        """Addresses from texts: an address, ``a-b``, ``net/prefix``, ``net/mask``, a keyword, ``any``.

        Raises: DomainError.
        """
        if any(item.lower() == "any" for item in items):
            if len(items) > 1:
                raise DomainError(f"'any' stands alone, not among other addresses: {items}")
            return cls()
        ranges: dict[int, list[Range]] = {4: [], 6: []}
        keywords: set[tuple[int, str]] = set()
        for item in items:
            if _WORD.match(item) and ":" not in item:
                keywords.update((family, address_keyword(item)) for family in (4, 6))
            else:
                family = 6 if ":" in item else 4
                ranges[family].append(parse_address_range(item, family))
        return cls(tuple(ranges[4]), tuple(ranges[6]), frozenset(keywords))

    @property
    def is_any(self) -> bool:
        return not (self.ranges4 or self.ranges6 or self.keywords)

    def texts(self) -> tuple[str, ...]:
        """The parts, IPv4 first, keywords last; () for any. A network prints as net/prefix, other ranges as a-b."""
        words = sorted({word for _unused, word in self.keywords})
        return (
            *(format_address_range(item, 4) for item in self.ranges4),
            *(format_address_range(item, 6) for item in self.ranges6),
            *(word if {(4, word), (6, word)} <= self.keywords else self._one_family(word) for word in words),
        )

    def _one_family(self, word: str) -> str:
        return f"{word} (IPv{4 if (4, word) in self.keywords else 6} only)"

    def __str__(self) -> str:
        return ", ".join(self.texts()) or "any"

    def overlap(self, other: AddressSet) -> Match:
        """Whether an address can be in both."""
        if self.is_any or other.is_any or self.keywords & other.keywords:
            return Match.YES
        if ranges_meet(self.ranges4, other.ranges4) or ranges_meet(self.ranges6, other.ranges6):
            return Match.YES
        return max(self._keyword_meets(other), other._keyword_meets(self))

    def _keyword_meets(self, other: AddressSet) -> Match:
        families = {family for family, _unused in other.keywords} | ({4} if other.ranges4 else set())
        families |= {6} if other.ranges6 else set()
        return Match.MAYBE if any(family in families for family, _unused in self.keywords) else Match.NO

    def is_within(self, other: AddressSet) -> bool:
        """Whether every address of this set is certainly in the other."""
        if other.is_any:
            return True
        if self.is_any or not self.keywords <= other.keywords:
            return False
        return ranges_within(self.ranges4, other.ranges4) and ranges_within(self.ranges6, other.ranges6)

    def resolve(self, keyword: str, meaning: AddressSet) -> AddressSet:
        """The set with the keyword replaced by the addresses it stands for on a host."""
        rest = frozenset(item for item in self.keywords if item[1] != keyword)
        if rest == self.keywords:
            return self
        return AddressSet(
            self.ranges4 + (meaning.ranges4 if (4, keyword) in self.keywords else ()),
            self.ranges6 + (meaning.ranges6 if (6, keyword) in self.keywords else ()),
            rest,
        )


ANY_ADDRESS = AddressSet()


def address_keyword(text: str) -> str:
    """The usual spelling of an address keyword. Raises: DomainError."""
    try:
        return _ADDRESS_WORDS[text.lower()]
    except KeyError:
        raise DomainError(f"not an address, a range, a network or an address keyword: {text!r}") from None


def parse_address_range(text: str, family: int) -> Range:
    """First and last address of ``a``, ``a-b``, ``net/prefix`` or ``net/mask`` as numbers. Raises: DomainError."""
    try:
        first, last = _read_range(text, family)
    except ValueError as error:
        raise DomainError(f"not an IPv{family} address, range or network: {text!r} ({error})") from error
    if first > last:
        raise DomainError(f"the range runs backwards: {text!r}")
    return first, last


def _read_range(text: str, family: int) -> Range:
    low, dash, high = text.partition("-")
    if dash:
        return _address(low, family), _address(high, family)
    net, slash, mask = text.partition("/")
    width = 32 if family == 4 else 128
    size = 1 << (width - (_prefix_length(mask, family) if slash else width))
    address = _address(net, family)
    first = address - address % size
    return first, first + size - 1


def _address(text: str, family: int) -> int:
    if not text.isascii() or "%" in text:
        raise ValueError("zones and other scripts are not part of the grammar")
    return int(ipaddress.IPv4Address(text) if family == 4 else ipaddress.IPv6Address(text))


def _prefix_length(text: str, family: int) -> int:
    size = 32 if family == 4 else 128
    if re.fullmatch(r"[0-9]{1,3}", text):
        if int(text) > size:
            raise ValueError(f"a prefix has at most {size} bits")
        return int(text)
    mask = _address(text, family)
    hosts = _LAST[family] ^ mask
    if hosts & (hosts + 1):
        raise ValueError("the mask has holes")
    return size - hosts.bit_length()


def is_address(text: str) -> bool:
    """Whether a part of `AddressSet.texts` is numbers, not a keyword."""
    return ":" in text or text[:1].isdigit()


def stored_address(text: str) -> str:
    """The form in which Windows stores an address, range or network: an IPv4 network has a mask, not a prefix."""
    net, slash, prefix = text.partition("/")
    if not slash or ":" in net or "." in prefix:
        return text
    return f"{net}/{ipaddress.IPv4Address(_LAST[4] ^ ((1 << (32 - int(prefix))) - 1))}"


def format_address_range(item: Range, family: int) -> str:
    """``a``, ``net/prefix`` when the range is a network, else ``a-b``; inverse of `parse_address_range`."""
    low, high = item
    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    size = high - low + 1
    if size == 1:
        return str(kind(low))
    if size & (size - 1) or low % size:
        return f"{kind(low)}-{kind(high)}"
    return f"{kind(low)}/{(32 if family == 4 else 128) - size.bit_length() + 1}"

# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of descriptors and SDDL against Samba and impacket, on random descriptors packed by hand."""

from __future__ import annotations

import random
from typing import Any

import pytest
from oracles import samba
from oracles.random_descriptors import RandomDescriptors, Shape

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_mask import SDDL_SINGLE_RIGHTS
from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import AnyAce, ObjectAce, OpaqueAce
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import (
    AliasDomains,
    SddlUnrepresentableError,
    from_sddl,
    to_sddl,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Acl,
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import (
    DOMAIN_RIDS,
    SID_OF_SDDL_ALIAS,
)

DOMAIN = Sid.from_string("S-1-5-21-3388131059-2642654006-1006207564")
DOMAINS = AliasDomains(machine=DOMAIN, domain=DOMAIN, forest=DOMAIN)
COUNTS = [1500, pytest.param(20_000, marks=pytest.mark.slow)]
# Samba 4.17 reads audit callbacks, labels and policies in the layout of mask and trustee, as we do.
SAMBA_SHAPE = Shape(dacl_types=(0, 1, 5, 6, 9, 10), sacl_types=(2, 3, 7, 8, 0x0D, 0x11, 0x12, 0x13))
# Samba 4.17 reads a hexadecimal authority in SDDL as 0.
SAMBA_SDDL_SHAPE = Shape(max_authority=0xFFFF_FFFF)
IMPACKET_SHAPE = Shape(sacl_types=(2, 7, 0x11), max_authority=0xFF)


def row_of(ace: AnyAce) -> list[Any]:
    assert not isinstance(ace, OpaqueAce)
    guids: list[str | None] = [None, None]
    if isinstance(ace, ObjectAce):
        guids = [None if guid is None else str(guid) for guid in (ace.object_type, ace.inherited_object_type)]
    return [ace.type, ace.flags, ace.mask, str(ace.trustee), *guids]


def rows_of(acl: Acl | None) -> list[list[Any]] | None:
    return None if acl is None else [row_of(ace) for ace in acl.aces]


def reading_of(data: bytes) -> dict[str, Any]:
    descriptor = SecurityDescriptor.from_bytes(data)
    return {
        "owner": None if descriptor.owner is None else str(descriptor.owner),
        "group": None if descriptor.group is None else str(descriptor.group),
        "control": descriptor.control,
        "dacl": rows_of(descriptor.dacl),
        "sacl": rows_of(descriptor.sacl),
    }


def folded(value: Any) -> Any:
    """Samba prints hexadecimal authorities in lower case, Windows and we in upper case."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [folded(item) for item in value]
    return {key: folded(item) for key, item in value.items()} if isinstance(value, dict) else value


@samba.needs_samba
@pytest.mark.parametrize("count", COUNTS)
def test_decode_agrees_with_samba(count: int) -> None:
    stream = RandomDescriptors(417, SAMBA_SHAPE)
    blobs = [stream.descriptor() for _unused in range(count)]
    answers = samba.ask({"op": "decode", "hex": blob.hex()} for blob in blobs)
    for blob, answer in zip(blobs, answers, strict=True):
        assert folded(reading_of(blob)) == folded(answer), blob.hex()


@samba.needs_samba
@pytest.mark.parametrize("count", COUNTS)
def test_encoding_is_read_by_samba_as_the_same(count: int) -> None:
    stream = RandomDescriptors(418, SAMBA_SHAPE)
    descriptors = [SecurityDescriptor.from_bytes(stream.descriptor()) for _unused in range(count)]
    answers = samba.ask({"op": "decode", "hex": sd.to_bytes().hex()} for sd in descriptors)
    for descriptor, answer in zip(descriptors, answers, strict=True):
        assert folded(answer["dacl"]) == folded(rows_of(descriptor.dacl))
        assert folded(answer["sacl"]) == folded(rows_of(descriptor.sacl))


@pytest.mark.parametrize("count", COUNTS)
def test_decode_agrees_with_impacket(count: int) -> None:
    pytest.importorskip("impacket", reason="comparison with impacket left out: it is not installed")
    from oracles import impacket_reader

    stream = RandomDescriptors(131, IMPACKET_SHAPE)
    for _unused in range(count):
        blob = stream.descriptor()
        ours, theirs = reading_of(blob), impacket_reader.decode(blob)
        if ours["dacl"] is None:
            del ours["sacl"], theirs["sacl"]
        assert ours == theirs, blob.hex()


@samba.needs_samba
@pytest.mark.parametrize("count", COUNTS)
def test_our_sddl_is_read_by_samba_as_the_same(count: int) -> None:
    stream = RandomDescriptors(419, SAMBA_SDDL_SHAPE)
    texts = []
    while len(texts) < count:
        descriptor = SecurityDescriptor.from_bytes(stream.descriptor())
        texts.append((descriptor, to_sddl(descriptor)))
    answers = samba.ask({"op": "parse", "sddl": text, "domain": str(DOMAIN)} for _unused, text in texts)
    compared = 0
    for (descriptor, text), answer in zip(texts, answers, strict=True):
        # Samba 4.17 knows no NO_ACCESS_CONTROL, and stumbles over "D:ARS:".
        if "hex" in answer:
            assert same_meaning(SecurityDescriptor.from_bytes(bytes.fromhex(answer["hex"])), descriptor), text
            compared += 1
    assert compared > 0.85 * count, f"Samba understood only {compared} of {count}"


@samba.needs_samba
@pytest.mark.parametrize("count", COUNTS)
def test_samba_sddl_is_read_by_us_as_the_same(count: int) -> None:
    stream = RandomDescriptors(420, SAMBA_SDDL_SHAPE)
    blobs = [stream.descriptor() for _unused in range(count)]
    compared = 0
    for blob, answer in zip(blobs, samba.ask({"op": "print", "hex": blob.hex()} for blob in blobs), strict=True):
        descriptor = SecurityDescriptor.from_bytes(blob)
        if "no_access_control" in to_sddl(descriptor).lower():
            continue  # Samba prints a NULL ACL as if there were none
        assert same_meaning(from_sddl(answer["sddl"], AliasDomains(*[Sid(5, (21, 1, 2, 3))] * 3)), descriptor)
        compared += 1
    assert compared > 0.9 * count


class RandomSddl:
    """SDDL texts as people write them: any order of rights and flags, aliases of every kind.

    Samba 4.17 silently reads octal, decimal and 0X masks as 0, so those are held against Windows' results elsewhere.
    """

    RIGHTS = (*(name for name, _bit in SDDL_SINGLE_RIGHTS), "FR", "FW", "FX")
    SIDS = (*SID_OF_SDDL_ALIAS, *(known.sddl_alias for known in DOMAIN_RIDS))

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def rights(self) -> str:
        rng = self.random
        number = rng.getrandbits(rng.choice((5, 16, 32)))
        letters = "".join(rng.choices(self.RIGHTS, k=rng.randint(0, 6)))
        return rng.choice((letters, letters, f"{number:#x}"))

    def sid(self) -> str:
        rng = self.random
        if rng.random() < 0.6:
            return rng.choice(self.SIDS)
        return "-".join(
            ["S-1", str(rng.randint(0, 40)), *(str(rng.getrandbits(32)) for _unused in range(rng.randint(1, 6)))]
        )

    def ace(self, types: str) -> str:
        rng = self.random
        flags = "".join(rng.choices(("OI", "CI", "NP", "IO", "ID", "SA", "FA"), k=rng.choice((0, 0, 1, 3))))
        return f"({rng.choice(types.split())};{flags};{self.rights()};;;{self.sid()})"

    def acl(self, types: str) -> str:
        rng = self.random
        flags = "".join(rng.choices(("P", "AR", "AI"), k=rng.choice((0, 0, 1, 2))))
        return flags + "".join(self.ace(types) for _unused in range(rng.randint(0, 4)))

    def text(self) -> str:
        sections = [f"O:{self.sid()}", f"G:{self.sid()}", f"D:{self.acl('A D')}", f"S:{self.acl('AU AL')}"]
        chosen = [section for section in sections if self.random.random() < 0.8]
        self.random.shuffle(chosen)
        return "".join(chosen)


@samba.needs_samba
@pytest.mark.parametrize("count", COUNTS)
def test_sddl_texts_mean_to_us_what_they_mean_to_samba(count: int) -> None:
    stream = RandomSddl(421)
    texts = [stream.text() for _unused in range(count)]
    compared = 0
    answers = samba.ask({"op": "parse", "sddl": text, "domain": str(DOMAIN)} for text in texts)
    for text, answer in zip(texts, answers, strict=True):
        ours = from_sddl(text, DOMAINS)
        if "hex" in answer:
            assert same_meaning(SecurityDescriptor.from_bytes(bytes.fromhex(answer["hex"])), ours), text
            compared += 1
    assert compared > 0.5 * count, f"Samba understood only {compared} of {count}"


@samba.needs_samba
def test_every_alias_samba_knows_is_the_same_sid_to_us() -> None:
    aliases = [*SID_OF_SDDL_ALIAS, *(known.sddl_alias for known in DOMAIN_RIDS)]
    answers = samba.ask({"op": "parse", "sddl": f"O:{alias}", "domain": str(DOMAIN)} for alias in aliases)
    agreed = 0
    for alias, answer in zip(aliases, answers, strict=True):
        if "hex" in answer:
            theirs = SecurityDescriptor.from_bytes(bytes.fromhex(answer["hex"])).owner
            assert from_sddl(f"O:{alias}", DOMAINS).owner == theirs, alias
            agreed += 1
    assert agreed >= 45


def test_only_the_unrepresentable_has_no_sddl() -> None:
    stream = RandomDescriptors(422, SAMBA_SHAPE)
    refused = 0
    for _unused in range(500):
        descriptor = SecurityDescriptor.from_bytes(stream.descriptor())
        try:
            text = to_sddl(descriptor)
        except SddlUnrepresentableError:
            types = {ace.type for acl in (descriptor.dacl, descriptor.sacl) if acl for ace in acl.aces}
            assert types & {9, 10, 0x0D, 0x12, 0x13}
            refused += 1
        else:
            assert same_meaning(from_sddl(text), descriptor), text
    assert refused

# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Bytes a console program printed to text."""

from __future__ import annotations

import codecs

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decode_output(data: bytes, oem_code_page: str = "cp850") -> str:
    """Return the text of a program's output. Never fails.

    The shell asks for UTF-8, but a program may ignore that when its output is redirected: a byte order mark decides,
    then NULs at every second byte (UTF-16 without a mark), then valid UTF-8, else the OEM code page, in which
    characters beyond ASCII may come out wrong.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if len(data) >= 4 and len(data) % 2 == 0 and _is_mostly_nul(data[1::2]) and 0 not in data[0::2][:2]:
        return data.decode("utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(oem_code_page, errors="replace")


def _is_mostly_nul(octets: bytes) -> bool:
    sample = octets[:512]
    return sample.count(0) * 10 >= len(sample) * 9

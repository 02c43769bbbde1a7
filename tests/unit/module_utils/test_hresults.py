# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes and their names, held against impacket's tables, which were made from MS-ERREF."""

from __future__ import annotations

import pytest
from impacket import hresult_errors, nt_errors, system_errors

from ansible_collections.otsec.opc_dcom.plugins.module_utils._hresults import (
    CODES,
    format_code,
    meaning_of,
    parse_code,
)


def published_name(code: int) -> str | None:
    if code <= 0xFFFF:
        table = system_errors.ERROR_MESSAGES
    elif code >= 0xC0000000:
        table = nt_errors.ERROR_MESSAGES
    elif code & 0xFFFF0000 == 0x80070000:
        return str((hresult_errors.ERROR_MESSAGES.get(code) or system_errors.ERROR_MESSAGES[code & 0xFFFF])[0])
    else:
        table = hresult_errors.ERROR_MESSAGES
    found = table.get(code)
    return None if found is None else str(found[0])


@pytest.mark.parametrize("code", sorted(CODES), ids=hex)
def test_names_are_the_published_ones(code: int) -> None:
    assert CODES[code].name == published_name(code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0x80070005", 0x80070005),
        ("0XC000006a", None),
        ("0xc000006a", 0xC000006A),
        ("2147942405", 0x80070005),
        ("-2147024891", 0x80070005),
        ("%%1069", 1069),
        (" 1722 ", 1722),
        ("0", 0),
        ("4294967296", None),
        ("-2147483649", None),
        ("0x", None),
        ("", None),
        ("Access is denied", None),
        ("\u0665", None),
        ("9" * 5000, None),
    ],
)
def test_codes_in_every_spelling(text: str, code: int | None) -> None:
    assert parse_code(text) == code


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x80070005, "0x80070005 (E_ACCESSDENIED)"),
        (1722, "1722 (RPC_S_SERVER_UNAVAILABLE)"),
        (0x8007042D, "0x8007042D (ERROR_SERVICE_LOGON_FAILED)"),
        (0xC0000064, "0xC0000064 (STATUS_NO_SUCH_USER)"),
        (0x80041234, "0x80041234"),
    ],
)
def test_codes_are_shown_with_their_name(code: int, text: str) -> None:
    assert format_code(code) == text


def test_a_code_nobody_explained_has_no_meaning() -> None:
    assert meaning_of(0x8007FFFF) is None
    assert meaning_of(0) is None

# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Console code pages: which codec speaks for a number, and which number a localised Windows starts with."""

from __future__ import annotations

import codecs

_UTF_8 = "65001"
_OEM_BY_LANGUAGE = {"en": 437, "de": 850, "fr": 850, "es": 850, "it": 850, "pl": 852, "ru": 866}


def codec_of(code_page: str) -> str | None:
    """The Python codec of a code page number, or None where there is none."""
    if code_page == _UTF_8:
        return "utf-8"
    try:
        return codecs.lookup(f"cp{int(code_page)}").name
    except (LookupError, ValueError):
        return None


def console_code_page(ui_language: str) -> int:
    """The OEM code page a console has without WINRS_CODEPAGE."""
    return _OEM_BY_LANGUAGE.get(ui_language.partition("-")[0].lower(), 437)

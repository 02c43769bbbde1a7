# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reg.exe says, by UI language. Data only; languages not listed get English.

Source: outputs of reg.exe on English and German Windows in public issue threads and scripts. The German texts for an
invalid key, invalid syntax, disabled editing and the end of a search are unverified.
"""

from __future__ import annotations

_TEXTS = {
    "en": {
        "default": "(Default)",
        "not_set": "(value not set)",
        "success": "The operation completed successfully.\r\n",
        "error": "ERROR: ",
        "not_found": "The system was unable to find the specified registry key or value.",
        "denied": "Access is denied.",
        "invalid_key": "Invalid key name.",
        "invalid_syntax": "Invalid syntax.",
        "invalid_data": "Invalid syntax. Specify valid numeric value for '/d'.",
        "usage": 'Type "REG {} /?" for usage.',
        "disabled": "Registry editing has been disabled by your administrator.",
        "remote": "The network path was not found.",
        "cancelled": "The operation was canceled by the user.",
        "search_end": "End of search: {} match(es) found.\r\n",
        "parameter": "The parameter is incorrect.",
    },
    "de": {
        "default": "(Standard)",
        "not_set": "(Wert nicht gesetzt)",
        "success": "Der Vorgang wurde erfolgreich beendet.\r\n",
        "error": "FEHLER: ",
        "not_found": "Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.",
        "denied": "Zugriff verweigert",
        "invalid_key": "Ungültiger Schlüsselname.",
        "invalid_syntax": "Ungültige Syntax.",
        "invalid_data": 'Ungültige Syntax. Geben Sie einen gültigen numerischen Wert für "/d" an.',
        "usage": 'Geben Sie "REG {} /?" ein, um die Syntax anzuzeigen.',
        "disabled": "Das Bearbeiten der Registrierung wurde durch den Administrator deaktiviert.",
        "remote": "Der Netzwerkpfad wurde nicht gefunden.",
        "cancelled": "Der Vorgang wurde vom Benutzer abgebrochen.",
        "search_end": "Ende der Suche: {} Übereinstimmung(en) gefunden.\r\n",
        "parameter": "Falscher Parameter.",
    },
}


def reg_text(key: str, ui_language: str, *values: object) -> str:
    language = ui_language.partition("-")[0].lower()
    return _TEXTS.get(language, _TEXTS["en"])[key].format(*values)

# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cmd.exe says, by UI language. Data only; languages not listed get English."""

from __future__ import annotations

_TEXTS = {
    "en": {
        "unknown": "'{}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
        "disabled": "The command prompt has been disabled by your administrator.\r\n\r\n",
        "press": "Press any key to continue . . . \r\n",
        "too_long": "The command line is too long.\r\n",
        "syntax": "The syntax of the command is incorrect.\r\n",
        "unexpected": "{} was unexpected at this time.\r\n",
        "no_path": "The system cannot find the path specified.\r\n",
    },
    "de": {
        "unknown": 'Der Befehl "{}" ist entweder falsch geschrieben oder\r\nkonnte nicht gefunden werden.\r\n',
        "disabled": "Die Eingabeaufforderung ist vom Administrator deaktiviert worden.\r\n\r\n",
        "press": "Drücken Sie eine beliebige Taste . . . \r\n",
        "too_long": "Die Befehlszeile ist zu lang.\r\n",
        "syntax": "Syntaxfehler.\r\n",
        "unexpected": '"{}" kann syntaktisch an dieser Stelle nicht verarbeitet werden.\r\n',
        "no_path": "Das System kann den angegebenen Pfad nicht finden.\r\n",
    },
}


def cmd_text(key: str, ui_language: str, *values: str) -> str:
    language = ui_language.partition("-")[0].lower()
    return _TEXTS.get(language, _TEXTS["en"])[key].format(*values)

# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What netsh says, English and German. Keywords of commands are English in every language; only output is translated.

English texts and German labels are those of transcripts people published. Not found anywhere, so composed: the German
`INVALID_*`, `MISSING`, `NO_SERVICE` and `BAD_TAG`; the German counts and profile headings come from one place each.
"""

from __future__ import annotations

import enum


class Text(enum.Enum):
    """Messages; placeholders are positional."""

    OK = enum.auto()
    NO_MATCH = enum.auto()
    DELETED = enum.auto()
    UPDATED = enum.auto()
    NOT_ELEVATED = enum.auto()
    NO_SERVICE = enum.auto()
    INVALID_VALUE = enum.auto()
    INVALID_PORT = enum.auto()
    INVALID_PROTOCOL = enum.auto()
    INVALID_ADDRESS = enum.auto()
    BAD_TAG = enum.auto()
    MISSING = enum.auto()
    COMMAND_NOT_FOUND = enum.auto()


ENGLISH = {
    Text.OK: "Ok.",
    Text.NO_MATCH: "No rules match the specified criteria.",
    Text.DELETED: "Deleted {} rule(s).",
    Text.UPDATED: "Updated {} rule(s).",
    Text.NOT_ELEVATED: "The requested operation requires elevation (Run as administrator).",
    Text.NO_SERVICE: (
        "An error occurred while attempting to contact the  Windows Firewall service. Make sure that the service is "
        "running and try your request again."
    ),
    Text.INVALID_VALUE: "A specified value is not valid.",
    Text.INVALID_PORT: "A specified port value is not valid.",
    Text.INVALID_PROTOCOL: "A specified protocol value is not valid.",
    Text.INVALID_ADDRESS: "A specified IP address or address keyword is not valid.",
    Text.BAD_TAG: "'{}' is not a valid argument for this command.",
    Text.MISSING: (
        "One or more essential parameters were not entered.\r\n"
        "Verify the required parameters, and reenter them.\r\n"
        "The syntax supplied for this command is not valid. Check help for the correct syntax."
    ),
    Text.COMMAND_NOT_FOUND: "The following command was not found: {}.",
}

GERMAN = {
    Text.OK: "OK.",
    Text.NO_MATCH: "Keine Regeln stimmen mit den angegebenen Kriterien überein.",
    Text.DELETED: "{} Regel(n) gelöscht.",
    Text.UPDATED: "{} Regel(n) aktualisiert.",
    Text.NOT_ELEVATED: "Der angeforderte Vorgang erfordert erhöhte Rechte (Als Administrator ausführen).",
    Text.NO_SERVICE: (
        "Fehler beim Herstellen einer Verbindung mit dem Windows-Firewalldienst. Stellen Sie sicher, dass der Dienst "
        "ausgeführt wird, und wiederholen Sie die Anforderung."
    ),
    Text.INVALID_VALUE: "Ein angegebener Wert ist ungültig.",
    Text.INVALID_PORT: "Ein angegebener Portwert ist ungültig.",
    Text.INVALID_PROTOCOL: "Ein angegebener Protokollwert ist ungültig.",
    Text.INVALID_ADDRESS: "Eine angegebene IP-Adresse oder ein Adressschlüsselwort ist ungültig.",
    Text.BAD_TAG: "'{}' ist kein gültiges Argument für diesen Befehl.",
    Text.MISSING: (
        "Mindestens ein erforderlicher Parameter wurde nicht eingegeben.\r\n"
        "Überprüfen Sie die erforderlichen Parameter, und geben Sie sie erneut ein.\r\n"
        "Die für diesen Befehl angegebene Syntax ist ungültig. Überprüfen Sie die Syntax anhand der Hilfe."
    ),
    Text.COMMAND_NOT_FOUND: "Der folgende Befehl wurde nicht gefunden: {}.",
}

RULE_LABELS = {
    "en-US": {
        "name": "Rule Name:", "description": "Description:", "enabled": "Enabled:", "direction": "Direction:",
        "profiles": "Profiles:", "grouping": "Grouping:", "localip": "LocalIP:", "remoteip": "RemoteIP:",
        "protocol": "Protocol:", "localport": "LocalPort:", "remoteport": "RemotePort:", "edge": "Edge traversal:",
        "program": "Program:", "service": "Service:", "interfacetypes": "InterfaceTypes:", "security": "Security:",
        "source": "Rule source:", "action": "Action:",
    },
    "de-DE": {
        "name": "Regelname:", "description": "Beschreibung:", "enabled": "Aktiviert:", "direction": "Richtung:",
        "profiles": "Profile:", "grouping": "Gruppierung:", "localip": "Lokales IP:", "remoteip": "Remote-IP:",
        "protocol": "Protokoll:", "localport": "Lokaler Port:", "remoteport": "Remoteport:", "edge": "Edgeausnahme:",
        "program": "Programm:", "service": "Dienst:", "interfacetypes": "Schnittstellentypen:",
        "security": "Sicherheit:", "source": "Regelquelle:", "action": "Aktion:",
    },
}  # fmt: skip
RULE_COLUMN = {"en-US": 38, "de-DE": 41}

RULE_WORDS = {
    "en-US": {},
    "de-DE": {
        "Yes": "Ja", "No": "Nein", "In": "Eingehend", "Out": "Aus", "Any": "Beliebig", "Allow": "Zulassen",
        "Block": "Blocken", "Bypass": "Umgehen", "Domain": "Domäne", "Private": "Privat", "Public": "Öffentlich",
        "NotRequired": "Nicht erforderlich", "Local Setting": "Lokale Einstellung",
        "Group Policy Setting": "Gruppenrichtlinieneinstellung", "Defer to application": "Anwendung zurückstellen",
        "Defer to user": "Benutzer zurückstellen",
    },
}  # fmt: skip

PROFILE_HEADINGS = {
    "en-US": {name: f"{name} Profile Settings: " for name in ("Domain", "Private", "Public")},
    "de-DE": {
        "Domain": "Domänenprofil-Einstellungen: ",
        "Private": "Privates Profil-Einstellungen: ",
        "Public": "Öffentliches Profil-Einstellungen: ",
    },
}
PROFILE_LABELS = {
    "en-US": {"state": "State", "policy": "Firewall Policy", "on": "ON", "off": "OFF"},
    "de-DE": {"state": "Status", "policy": "Firewallrichtlinie", "on": "EIN", "off": "AUS"},
}


def say(text: Text, language: str, *values: object) -> str:
    return (GERMAN if language == "de-DE" else ENGLISH)[text].format(*values)


def for_language(tables: dict[str, dict[str, str]], language: str) -> dict[str, str]:
    """The table of a language; English for a language that has none."""
    return tables.get(language, tables["en-US"])

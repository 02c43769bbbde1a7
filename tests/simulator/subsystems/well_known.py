# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Principals that exist on every Windows under fixed SIDs, with their localised names. Data only.

Source: SIDs from MS-DTYP 2.4.2.4 (dcom.md 3.6); German names as German Windows prints them. Rows of which no German
form could be confirmed keep the English one.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERYONE = "S-1-1-0"
NETWORK = "S-1-5-2"
INTERACTIVE = "S-1-5-4"
SERVICE = "S-1-5-6"
ANONYMOUS = "S-1-5-7"
AUTHENTICATED_USERS = "S-1-5-11"
LOCAL_SYSTEM = "S-1-5-18"
LOCAL_SERVICE = "S-1-5-19"
NETWORK_SERVICE = "S-1-5-20"
LOCAL_ACCOUNT = "S-1-5-113"
LOCAL_ACCOUNT_ADMINISTRATOR = "S-1-5-114"
ADMINISTRATORS = "S-1-5-32-544"
USERS = "S-1-5-32-545"
GUESTS = "S-1-5-32-546"
DISTRIBUTED_COM_USERS = "S-1-5-32-562"
REMOTE_MANAGEMENT_USERS = "S-1-5-32-580"

SID_TYPE_USER, SID_TYPE_GROUP, SID_TYPE_DOMAIN, SID_TYPE_ALIAS, SID_TYPE_WELL_KNOWN = 1, 2, 3, 4, 5
SID_TYPE_UNKNOWN, SID_TYPE_COMPUTER = 8, 9


@dataclass(frozen=True, slots=True)
class LocalisedName:
    english: str
    german: str

    def in_language(self, ui_language: str) -> str:
        return self.german if ui_language.lower().startswith("de") else self.english


NO_DOMAIN = LocalisedName("", "")
BUILTIN = LocalisedName("BUILTIN", "VORDEFINIERT")
NT_AUTHORITY = LocalisedName("NT AUTHORITY", "NT-AUTORITÄT")
NT_SERVICE = LocalisedName("NT SERVICE", "NT SERVICE")
PACKAGE_AUTHORITY = LocalisedName("APPLICATION PACKAGE AUTHORITY", "ZERTIFIZIERUNGSSTELLE FÜR ANWENDUNGSPAKETE")


@dataclass(frozen=True, slots=True)
class WellKnown:
    """A fixed principal. `first_build` is the Windows build that introduced it."""

    sid: str
    domain: LocalisedName
    name: LocalisedName
    sid_type: int = SID_TYPE_WELL_KNOWN
    first_build: int = 0


def _row(domain: LocalisedName, sid: str, english: str, german: str | None = None, first_build: int = 0) -> WellKnown:
    sid_type = SID_TYPE_ALIAS if domain is BUILTIN else SID_TYPE_WELL_KNOWN
    return WellKnown(sid, domain, LocalisedName(english, german or english), sid_type, first_build)


WELL_KNOWN = (
    _row(NO_DOMAIN, "S-1-0-0", "NULL SID"),
    _row(NO_DOMAIN, EVERYONE, "Everyone", "Jeder"),
    _row(NO_DOMAIN, "S-1-2-0", "LOCAL", "LOKAL"),
    _row(NO_DOMAIN, "S-1-3-0", "CREATOR OWNER", "ERSTELLER-BESITZER"),
    _row(NO_DOMAIN, "S-1-3-1", "CREATOR GROUP", "ERSTELLERGRUPPE"),
    _row(NO_DOMAIN, "S-1-3-4", "OWNER RIGHTS", "EIGENTÜMERRECHTE"),
    _row(NT_AUTHORITY, "S-1-5-1", "DIALUP", "DIALUP"),
    _row(NT_AUTHORITY, NETWORK, "NETWORK", "NETZWERK"),
    _row(NT_AUTHORITY, "S-1-5-3", "BATCH", "BATCH"),
    _row(NT_AUTHORITY, INTERACTIVE, "INTERACTIVE", "INTERAKTIV"),
    _row(NT_AUTHORITY, SERVICE, "SERVICE", "DIENST"),
    _row(NT_AUTHORITY, ANONYMOUS, "ANONYMOUS LOGON", "ANONYMOUS-ANMELDUNG"),
    _row(NT_AUTHORITY, "S-1-5-10", "SELF", "SELBST"),
    _row(NT_AUTHORITY, AUTHENTICATED_USERS, "Authenticated Users", "Authentifizierte Benutzer"),
    _row(NT_AUTHORITY, "S-1-5-12", "RESTRICTED", "EINGESCHRÄNKTER ZUGRIFF"),
    _row(NT_AUTHORITY, "S-1-5-13", "TERMINAL SERVER USER", "TERMINALSERVERBENUTZER"),
    _row(NT_AUTHORITY, "S-1-5-14", "REMOTE INTERACTIVE LOGON", "INTERAKTIVE REMOTEANMELDUNG"),
    _row(NT_AUTHORITY, "S-1-5-17", "IUSR"),
    _row(NT_AUTHORITY, LOCAL_SYSTEM, "SYSTEM"),
    _row(NT_AUTHORITY, LOCAL_SERVICE, "LOCAL SERVICE", "LOKALER DIENST"),
    _row(NT_AUTHORITY, NETWORK_SERVICE, "NETWORK SERVICE", "NETZWERKDIENST"),
    _row(NT_AUTHORITY, LOCAL_ACCOUNT, "Local account", "Lokales Konto", 9200),
    _row(
        NT_AUTHORITY,
        LOCAL_ACCOUNT_ADMINISTRATOR,
        "Local account and member of Administrators group",
        'Lokales Konto und Mitglied der Gruppe "Administratoren"',
        9200,
    ),
    _row(NT_SERVICE, "S-1-5-80-0", "ALL SERVICES"),
    _row(PACKAGE_AUTHORITY, "S-1-15-2-1", "ALL APPLICATION PACKAGES", "ALLE ANWENDUNGSPAKETE", 9200),
    _row(BUILTIN, ADMINISTRATORS, "Administrators", "Administratoren"),
    _row(BUILTIN, USERS, "Users", "Benutzer"),
    _row(BUILTIN, GUESTS, "Guests", "Gäste"),
    _row(BUILTIN, "S-1-5-32-547", "Power Users", "Hauptbenutzer"),
    _row(BUILTIN, "S-1-5-32-551", "Backup Operators", "Sicherungs-Operatoren"),
    _row(BUILTIN, "S-1-5-32-552", "Replicator", "Replikations-Operator"),
    _row(BUILTIN, "S-1-5-32-555", "Remote Desktop Users", "Remotedesktopbenutzer"),
    _row(BUILTIN, "S-1-5-32-556", "Network Configuration Operators", "Netzwerkkonfigurations-Operatoren"),
    _row(BUILTIN, "S-1-5-32-558", "Performance Monitor Users", "Leistungsüberwachungsbenutzer"),
    _row(BUILTIN, "S-1-5-32-559", "Performance Log Users", "Leistungsprotokollbenutzer"),
    _row(BUILTIN, DISTRIBUTED_COM_USERS, "Distributed COM Users", "Distributed COM-Benutzer"),
    _row(BUILTIN, "S-1-5-32-568", "IIS_IUSRS"),
    _row(BUILTIN, "S-1-5-32-569", "Cryptographic Operators", "Kryptografie-Operatoren"),
    _row(BUILTIN, "S-1-5-32-573", "Event Log Readers", "Ereignisprotokollleser"),
    _row(BUILTIN, "S-1-5-32-574", "Certificate Service DCOM Access", "Zertifikatdienst-DCOM-Zugriff", 7600),
    _row(BUILTIN, "S-1-5-32-578", "Hyper-V Administrators", "Hyper-V-Administratoren", 9200),
    _row(BUILTIN, REMOTE_MANAGEMENT_USERS, "Remote Management Users", "Remoteverwaltungsbenutzer", 9200),
)

# Names of the two accounts that every machine and domain has, by RID.
BUILTIN_USERS = {500: LocalisedName("Administrator", "Administrator"), 501: LocalisedName("Guest", "Gast")}
DOMAIN_GROUPS = {
    512: LocalisedName("Domain Admins", "Domänen-Admins"),
    513: LocalisedName("Domain Users", "Domänen-Benutzer"),
    514: LocalisedName("Domain Guests", "Domänen-Gäste"),
    515: LocalisedName("Domain Computers", "Domänencomputer"),
    516: LocalisedName("Domain Controllers", "Domänencontroller"),
}

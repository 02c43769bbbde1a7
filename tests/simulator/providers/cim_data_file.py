# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM_DataFile: whether a file is there, and its version.

Source: CIM_DataFile class documentation (Name is the key, an absolute path). Unverified: that the path is the selector
as it is, without doubled backslashes; so it is in a public WS-Management client that reads file metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cim import Caller, CimClass, CimType
from .provider import ClassProvider, properties

_TEXTS = (
    "*Name Caption CompressionMethod CreationClassName CSCreationClassName CSName Description Drive "
    "EightDotThreeFileName EncryptionMethod Extension FileName FileType FSCreationClassName FSName Manufacturer Path "
    "Status Version"
)


class DataFile(ClassProvider):
    """Files of the file table. Enumeration is refused: on Windows it walks every disk."""

    cim_class = CimClass(
        "CIM_DataFile",
        properties=(
            *properties(CimType.STRING, _TEXTS),
            *properties(CimType.BOOLEAN, "Archive Compressed Encrypted Hidden Readable System Writeable"),
            *properties(CimType.UINT32, "AccessMask"),
            *properties(CimType.UINT64, "FileSize InUseCount"),
            *properties(CimType.DATETIME, "CreationDate InstallDate LastAccessed LastModified"),
        ),
        can_enumerate=False,
    )

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        self.admit(caller)
        path = keys["Name"]
        if "%" in path or not self.host.files.exists(path):
            raise self.not_found(keys)
        folder, _sep, name = path.lower().rpartition("\\")
        known = {
            "Name": path.lower(),
            "Caption": path.lower(),
            "Description": path.lower(),
            "CreationClassName": "CIM_LogicalFile",
            "CSCreationClassName": "Win32_ComputerSystem",
            "CSName": self.host.computer_name,
            "Drive": path[:2].lower(),
            "Extension": name.rpartition(".")[2],
            "FileName": name.rpartition(".")[0],
            "FSCreationClassName": "Win32_FileSystem",
            "FSName": "NTFS",
            "Path": folder[2:] + "\\",
            "Readable": True,
            "Status": "OK",
            "Version": self.host.files.version(path) or None,
            "Writeable": True,
        }
        return {item.name: known.get(item.name) for item in self.cim_class.properties}

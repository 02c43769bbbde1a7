# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam between the wire (front/) and the simulated Windows (subsystems/, providers/): CIM without any XML.

Theory: front/ parses an envelope, finds the provider of the class in the host's `ProviderRegistry`, checks names and
types against `CimClass`, and calls the provider with Python values; the provider answers with Python values or raises
`CimError`; front/ turns those into the envelope Windows would send. Values travel as: uintN/sintN -> int, boolean ->
bool, string -> str, datetime -> datetime.datetime (aware, UTC), arrays -> list, references -> CimReference, NULL ->
None.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .journal import Journal

ROOT_CIMV2 = "root/cimv2"
ROOT_STANDARDCIMV2 = "root/standardcimv2"


class CimType(enum.Enum):
    """CIM intrinsic types that occur on the wire (DSP0004)."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    SINT16 = "sint16"
    SINT32 = "sint32"
    BOOLEAN = "boolean"
    STRING = "string"
    DATETIME = "datetime"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class CimProperty:
    """One property, or one parameter of a method. `default` is the MOF default an omitted in-parameter takes."""

    name: str
    type: CimType
    is_array: bool = False
    is_key: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class CimMethod:
    """A method; `is_static` methods are invoked without selectors. ReturnValue is always uint32 and implied."""

    name: str
    inputs: tuple[CimProperty, ...] = ()
    outputs: tuple[CimProperty, ...] = ()
    is_static: bool = False


@dataclass(frozen=True, slots=True)
class CimClass:
    """A WMI class as far as it is simulated: what is not listed here does not exist."""

    name: str
    properties: tuple[CimProperty, ...] = ()
    methods: tuple[CimMethod, ...] = ()
    namespace: str = ROOT_CIMV2
    is_singleton: bool = False
    can_enumerate: bool = True
    superclass: str | None = None

    def find_property(self, name: str) -> CimProperty | None:
        """Property names are compared without case."""
        return next((item for item in self.properties if item.name.lower() == name.lower()), None)

    def find_method(self, name: str) -> CimMethod | None:
        """Method names are case-sensitive (MS-WSMV 3.1.4.1.2)."""
        return next((item for item in self.methods if item.name == name), None)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.properties if item.is_key)


@dataclass(frozen=True, slots=True)
class CimReference:
    """An object path: class and key values."""

    class_name: str
    keys: Mapping[str, str]
    namespace: str = ROOT_CIMV2


class CimStatus(enum.IntEnum):
    """CIM status codes (DSP0200) a provider may answer with; front/ maps them to WS-Management faults."""

    FAILED = 1
    ACCESS_DENIED = 2
    INVALID_NAMESPACE = 3
    INVALID_PARAMETER = 4
    INVALID_CLASS = 5
    NOT_FOUND = 6
    NOT_SUPPORTED = 7
    ALREADY_EXISTS = 11
    TYPE_MISMATCH = 13
    INVALID_QUERY = 15
    METHOD_NOT_AVAILABLE = 16
    METHOD_NOT_FOUND = 17


class CimError(Exception):
    """A provider's refusal. `hresult` is the WBEM or Win32 code that Windows would nest in the fault, if known."""

    def __init__(self, status: CimStatus, message: str, hresult: int | None = None) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message
        self.hresult = hresult


@dataclass(frozen=True, slots=True)
class Caller:
    """The token of the account that sent a message: every subsystem call is judged by it."""

    account_name: str
    sid: str
    groups: frozenset[str] = field(default_factory=frozenset)
    is_elevated: bool = True
    address: str = "127.0.0.1"

    @property
    def sids(self) -> frozenset[str]:
        """All SIDs an access check counts. Without elevation Administrators is deny-only, so left out."""
        groups = self.groups if self.is_elevated else self.groups - {"S-1-5-32-544"}
        return groups | {self.sid}

    @property
    def is_administrator(self) -> bool:
        return "S-1-5-32-544" in self.sids


class Provider(Protocol):
    """One CIM class of one host. Reads return copies."""

    @property
    def cim_class(self) -> CimClass: ...

    def instances(self, caller: Caller) -> Iterable[Mapping[str, Any]]:
        """All instances, every property of the class present (None where NULL)."""

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        """One instance by its keys (values as text, names as the class spells them). Raises CimError NOT_FOUND."""

    def put(self, caller: Caller, keys: Mapping[str, str], changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change properties of one instance and return it. Raises CimError NOT_SUPPORTED for a read-only class."""

    def invoke(
        self, caller: Caller, method: str, keys: Mapping[str, str] | None, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Call a method with typed arguments (omitted ones have their MOF default); result incl. ReturnValue."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """What a console program left: text (encoded by the shell in its code page) and ERRORLEVEL."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    stdout_bytes: bytes | None = None  # for programs that ignore the console code page


class CommandInterpreter(Protocol):
    """cmd.exe of one host, as front/ sees it: one command line in, output out. Lives in programs/cmd_exe.py."""

    def run(self, caller: Caller, command_line: str, stdin: bytes, environment: Mapping[str, str]) -> ProgramResult: ...


class SimulatedWindows(Protocol):
    """What front/ needs of a host. host.SimulatedHost implements it."""

    computer_name: str
    stack_version: str  # "2.0" (7 / 2008 R2) or "3.0"; gates features as wsman_cim.md 1.4 and 1.5 list them
    ui_language: str  # "en-US", "de-DE": texts of faults and programs

    @property
    def allow_unencrypted(self) -> bool:
        """The WinRM service setting AllowUnencrypted: may a message come over http without message encryption?"""

    @property
    def journal(self) -> Journal:
        """What changed, and what was asked that nothing here knows; front/ records its violations here too."""

    @property
    def os_version(self) -> tuple[str, int]:
        """Version such as "6.1.7601" and the major service pack number, as Identify reports them."""

    @property
    def interpreter(self) -> CommandInterpreter: ...

    def provider(self, namespace: str, class_name: str) -> Provider | None:
        """The provider of a class, names compared without case; None where Windows has no such class."""

    def providers(self, namespace: str) -> Sequence[Provider]: ...

    def has_namespace(self, namespace: str) -> bool: ...

    def logon(self, user_name: str, password: str, address: str) -> Caller | None:
        """Network logon of a local account by Basic; None (and a 4625 event) when refused."""

    def logon_names(self) -> Sequence[tuple[str, str]]:
        """(account, password) pairs an NTLM acceptor may accept: `name` if local, else `DOMAIN\\name`."""

    def caller_of(self, account_name: str, address: str) -> Caller:
        """The token of an account that NTLM has authenticated, named as `logon_names` names it.

        Local administrators other than RID 500 get a filtered token unless LocalAccountTokenFilterPolicy is 1."""

    @property
    def is_up(self) -> bool:
        """False while the host reboots: connections are refused or dropped."""

    @property
    def boot_count(self) -> int:
        """Grows with every boot: connections, shells and open enumerations of an earlier one are gone."""

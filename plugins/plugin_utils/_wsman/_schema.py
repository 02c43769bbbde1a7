# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The CIM classes this collection uses, as data.

Property lists hold what captures of Windows Server 2003 R2 to 2012 and Microsoft's class reference name; a property
that a newer Windows adds arrives as text. Parameters are in MOF order, the order they are sent in.

Source: Microsoft Learn, "CIM classes (WMI)" and "Win32 provider", page of each class; StdRegProv: "System registry
provider". ReturnValue 1 and 0x80041005 of StdRegProv were observed on hosts, the others are Windows error codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ._cim import CimClass, CimMethod, CimProperty, CimType


def _typed(cim_type: CimType, names: str) -> tuple[CimProperty, ...]:
    """Return one property per word of `names`; a trailing ``[]`` makes an array."""
    return tuple(CimProperty(name.removesuffix("[]"), cim_type, name.endswith("[]")) for name in names.split())


def _optional(*properties: CimProperty) -> tuple[CimProperty, ...]:
    return tuple(CimProperty(item.name, item.type, item.is_array, is_optional=True) for item in properties)


_KEY = (CimProperty("hDefKey", CimType.UINT32), CimProperty("sSubKeyName"))
_VALUE = (*_KEY, CimProperty("sValueName"))

# Win32 codes in the words Windows uses for them; "access denied" is what CimMethodError.is_access_denied looks for.
_REGISTRY_RETURNS: Mapping[int, str] = MappingProxyType(
    {
        0: "success",
        1: "value not found",
        2: "key not found",
        5: "access denied",
        6: "invalid handle",
        87: "invalid parameter",
        0x80041003: "access denied",
        0x80041005: "type mismatch",
        0x80041008: "invalid parameter",
    }
)


def _reader(name: str, *outputs: CimProperty) -> CimMethod:
    return CimMethod(name, _VALUE, outputs, is_read_only=True)


def _writer(name: str, value: CimProperty) -> CimMethod:
    return CimMethod(name, (*_VALUE, value))


_DWORD = CimProperty("uValue", CimType.UINT32)
_QWORD = CimProperty("uValue", CimType.UINT64)
_BINARY = CimProperty("uValue", CimType.UINT8, is_array=True)
_TEXT = CimProperty("sValue")
_TEXTS = CimProperty("sValue", is_array=True)

STD_REG_PROV = CimClass(
    name="StdRegProv",
    return_names=_REGISTRY_RETURNS,
    methods=(
        CimMethod("EnumKey", _KEY, _typed(CimType.STRING, "sNames[]"), is_read_only=True),
        CimMethod(
            "EnumValues",
            _KEY,
            (*_typed(CimType.STRING, "sNames[]"), *_typed(CimType.SINT32, "Types[]")),
            is_read_only=True,
        ),
        _reader("GetDWORDValue", _DWORD),
        _reader("GetQWORDValue", _QWORD),
        _reader("GetStringValue", _TEXT),
        _reader("GetExpandedStringValue", _TEXT),
        _reader("GetMultiStringValue", _TEXTS),
        _reader("GetBinaryValue", _BINARY),
        _writer("SetDWORDValue", _DWORD),
        _writer("SetQWORDValue", _QWORD),
        _writer("SetStringValue", _TEXT),
        _writer("SetExpandedStringValue", _TEXT),
        _writer("SetMultiStringValue", _TEXTS),
        _writer("SetBinaryValue", _BINARY),
        CimMethod("CreateKey", _KEY),
        CimMethod("DeleteKey", _KEY),
        CimMethod("DeleteValue", _VALUE),
        CimMethod(
            "CheckAccess",
            (*_KEY, CimProperty("uRequired", CimType.UINT32)),
            (CimProperty("bGranted", CimType.BOOLEAN),),
            is_read_only=True,
        ),
    ),
)

_MANAGED_SYSTEM_ELEMENT = (
    *_typed(CimType.STRING, "Caption Description Name Status"),
    CimProperty("InstallDate", CimType.DATETIME),
)

WIN32_OPERATING_SYSTEM = CimClass(
    name="Win32_OperatingSystem",
    keys=("Name",),
    properties=(
        *_MANAGED_SYSTEM_ELEMENT,
        *_typed(
            CimType.STRING,
            "BootDevice BuildNumber BuildType CodeSet CountryCode CreationClassName CSCreationClassName CSDVersion "
            "CSName Locale Manufacturer MUILanguages[] Organization OSArchitecture OtherTypeDescription PlusProductID "
            "PlusVersionNumber RegisteredUser SerialNumber SystemDevice SystemDirectory SystemDrive Version "
            "WindowsDirectory",
        ),
        *_typed(
            CimType.BOOLEAN,
            "DataExecutionPrevention_32BitApplications DataExecutionPrevention_Available "
            "DataExecutionPrevention_Drivers Debug Distributed PAEEnabled PortableOperatingSystem Primary",
        ),
        *_typed(CimType.UINT8, "DataExecutionPrevention_SupportPolicy ForegroundApplicationBoost QuantumLength"),
        *_typed(CimType.UINT8, "QuantumType"),
        *_typed(CimType.UINT16, "OSType ServicePackMajorVersion ServicePackMinorVersion"),
        *_typed(
            CimType.UINT32,
            "EncryptionLevel LargeSystemCache MaxNumberOfProcesses NumberOfLicensedUsers NumberOfProcesses "
            "NumberOfUsers OperatingSystemSKU OSLanguage OSProductSuite ProductType SuiteMask",
        ),
        *_typed(
            CimType.UINT64,
            "FreePhysicalMemory FreeSpaceInPagingFiles FreeVirtualMemory MaxProcessMemorySize SizeStoredInPagingFiles "
            "TotalSwapSpaceSize TotalVirtualMemorySize TotalVisibleMemorySize",
        ),
        CimProperty("CurrentTimeZone", CimType.SINT16),
        *_typed(CimType.DATETIME, "LastBootUpTime LocalDateTime"),
    ),
    return_names=MappingProxyType({0: "success", 5: "access denied", 1314: "privilege not held"}),
    methods=(
        CimMethod("Reboot"),
        CimMethod("Shutdown"),
        CimMethod("Win32Shutdown", _typed(CimType.SINT32, "Flags Reserved")),
        CimMethod(
            "Win32ShutdownTracker",
            (
                CimProperty("Timeout", CimType.UINT32),
                CimProperty("Comment"),
                CimProperty("ReasonCode", CimType.UINT32),
                CimProperty("Flags", CimType.SINT32),
            ),
        ),
        CimMethod("SetDateTime", (CimProperty("LocalDateTime", CimType.DATETIME),)),
    ),
)

WIN32_COMPUTER_SYSTEM = CimClass(
    name="Win32_ComputerSystem",
    keys=("Name",),
    properties=(
        *_MANAGED_SYSTEM_ELEMENT,
        *_typed(
            CimType.STRING,
            "BootupState CreationClassName DNSHostName Domain LastLoadInfo Manufacturer Model NameFormat "
            "OEMStringArray[] PrimaryOwnerContact PrimaryOwnerName Roles[] SupportContactDescription[] "
            "SystemStartupOptions[] SystemType UserName Workgroup",
        ),
        *_typed(
            CimType.BOOLEAN,
            "AutomaticManagedPagefile AutomaticResetBootOption AutomaticResetCapability BootROMSupported "
            "DaylightInEffect EnableDaylightSavingsTime HypervisorPresent InfraredSupported NetworkServerModeEnabled "
            "PartOfDomain PowerManagementSupported",
        ),
        *_typed(CimType.UINT8, "InitialLoadInfo[] OEMLogoBitmap[] SystemStartupSetting"),
        *_typed(
            CimType.UINT16,
            "AdminPasswordStatus BootOptionOnLimit BootOptionOnWatchDog ChassisBootupState DomainRole "
            "FrontPanelResetStatus KeyboardPasswordStatus PCSystemType PowerManagementCapabilities[] "
            "PowerOnPasswordStatus PowerState PowerSupplyState ResetCapability SystemStartupDelay ThermalState "
            "WakeUpType",
        ),
        *_typed(CimType.UINT32, "NumberOfLogicalProcessors NumberOfProcessors"),
        CimProperty("TotalPhysicalMemory", CimType.UINT64),
        *_typed(CimType.SINT16, "CurrentTimeZone ResetCount ResetLimit"),
        CimProperty("PauseAfterReset", CimType.SINT64),
    ),
)

_SERVICE_RETURNS: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (
                "success",
                "not supported",
                "access denied",
                "dependent services running",
                "invalid service control",
                "service cannot accept control",
                "service not active",
                "service request timeout",
                "unknown failure",
                "path not found",
                "service already running",
                "service database locked",
                "service dependency deleted",
                "service dependency failure",
                "service disabled",
                "service logon failed",
                "service marked for deletion",
                "service has no thread",
                "circular dependency",
                "duplicate name",
                "invalid name",
                "invalid parameter",
                "invalid service account",
                "service exists",
                "service already paused",
            )
        )
    )
)

WIN32_SERVICE = CimClass(
    name="Win32_Service",
    keys=("Name",),
    properties=(
        *_MANAGED_SYSTEM_ELEMENT,
        *_typed(
            CimType.STRING,
            "CreationClassName DisplayName ErrorControl PathName ServiceType StartMode StartName State "
            "SystemCreationClassName SystemName",
        ),
        *_typed(CimType.BOOLEAN, "AcceptPause AcceptStop DelayedAutoStart DesktopInteract Started"),
        *_typed(CimType.UINT32, "CheckPoint ExitCode ProcessId ServiceSpecificExitCode TagId WaitHint"),
    ),
    return_names=_SERVICE_RETURNS,
    methods=(
        CimMethod("StartService"),
        CimMethod("StopService"),
        CimMethod("PauseService"),
        CimMethod("ResumeService"),
        CimMethod("InterrogateService"),
        CimMethod("UserControlService", (CimProperty("ControlCode", CimType.UINT8),)),
        CimMethod("ChangeStartMode", (CimProperty("StartMode"),)),
        CimMethod(
            "Change",
            _optional(
                CimProperty("DisplayName"),
                CimProperty("PathName"),
                CimProperty("ServiceType", CimType.UINT8),
                CimProperty("ErrorControl", CimType.UINT8),
                CimProperty("StartMode"),
                CimProperty("DesktopInteract", CimType.BOOLEAN),
                CimProperty("StartName"),
                CimProperty("StartPassword"),
                CimProperty("LoadOrderGroup"),
                CimProperty("LoadOrderGroupDependencies", is_array=True),
                CimProperty("ServiceDependencies", is_array=True),
            ),
        ),
        CimMethod("Delete"),
    ),
)

WIN32_PROCESS = CimClass(
    name="Win32_Process",
    keys=("Handle",),
    properties=(
        *_MANAGED_SYSTEM_ELEMENT,
        *_typed(
            CimType.STRING,
            "CommandLine CreationClassName CSCreationClassName CSName ExecutablePath Handle OSCreationClassName OSName "
            "WindowsVersion",
        ),
        *_typed(CimType.UINT32, "ParentProcessId ProcessId SessionId"),
        CimProperty("CreationDate", CimType.DATETIME),
    ),
)

_ACCOUNT = (
    *_MANAGED_SYSTEM_ELEMENT,
    *_typed(CimType.STRING, "Domain SID"),
    CimProperty("LocalAccount", CimType.BOOLEAN),
    CimProperty("SIDType", CimType.UINT8),
)

WIN32_USER_ACCOUNT = CimClass(
    name="Win32_UserAccount",
    keys=("Domain", "Name"),
    properties=(
        *_ACCOUNT,
        CimProperty("AccountType", CimType.UINT32),
        CimProperty("FullName"),
        *_typed(CimType.BOOLEAN, "Disabled Lockout PasswordChangeable PasswordExpires PasswordRequired"),
    ),
)

WIN32_GROUP = CimClass(name="Win32_Group", keys=("Domain", "Name"), properties=_ACCOUNT)

WIN32_SYSTEM_ACCOUNT = CimClass(name="Win32_SystemAccount", keys=("Domain", "Name"), properties=_ACCOUNT)

WIN32_SID = CimClass(
    name="Win32_SID",
    keys=("SID",),
    properties=(
        *_typed(CimType.STRING, "AccountName ReferencedDomainName SID"),
        CimProperty("BinaryRepresentation", CimType.UINT8, is_array=True),
        CimProperty("SidLength", CimType.UINT32),
    ),
)

WIN32_GROUP_USER = CimClass(
    name="Win32_GroupUser",
    keys=("GroupComponent", "PartComponent"),
    properties=_typed(CimType.REFERENCE, "GroupComponent PartComponent"),
)

WIN32_DEPENDENT_SERVICE = CimClass(
    name="Win32_DependentService",
    keys=("Antecedent", "Dependent"),
    properties=(
        *_typed(CimType.REFERENCE, "Antecedent Dependent"),
        CimProperty("TypeOfDependency", CimType.UINT16),
    ),
)

CIM_DATA_FILE = CimClass(
    name="CIM_DataFile",
    keys=("Name",),
    properties=(
        *_MANAGED_SYSTEM_ELEMENT,
        *_typed(
            CimType.STRING,
            "CompressionMethod CreationClassName CSCreationClassName CSName Drive EightDotThreeFileName "
            "EncryptionMethod Extension FileName FileType FSCreationClassName FSName Manufacturer Path Version",
        ),
        *_typed(CimType.BOOLEAN, "Archive Compressed Encrypted Hidden Readable System Writeable"),
        CimProperty("AccessMask", CimType.UINT32),
        *_typed(CimType.UINT64, "FileSize InUseCount"),
        *_typed(CimType.DATETIME, "CreationDate LastAccessed LastModified"),
    ),
)

CLASSES: tuple[CimClass, ...] = (
    STD_REG_PROV,
    WIN32_OPERATING_SYSTEM,
    WIN32_COMPUTER_SYSTEM,
    WIN32_SERVICE,
    WIN32_PROCESS,
    WIN32_USER_ACCOUNT,
    WIN32_GROUP,
    WIN32_SYSTEM_ACCOUNT,
    WIN32_SID,
    WIN32_GROUP_USER,
    WIN32_DEPENDENT_SERVICE,
    CIM_DATA_FILE,
)

# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated Windows host: it owns the subsystems, and is all that front/ sees of them (`SimulatedWindows`).

Everything starts from a baseline that all hosts of a profile share, so a host costs little and a site of hundreds fits
into one process. Installation is not journaled: the journal of a new host is empty, its snapshot is `initial`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from .baseline import file_baseline, registry_baseline
from .boot import Boot, InForce
from .cim import ROOT_CIMV2, ROOT_STANDARDCIMV2, Caller, Provider
from .com_state import ComProcess, ComProgram, Descriptor, app_id_of_program, captured_process, launch_permission
from .files import MACHINE_ENVIRONMENT, FileTable
from .journal import Journal, Violation
from .profiles import SERVER_2019, Profile
from .programs.cmd_exe import CommandShell
from .programs.installed import installed_programs
from .providers.installed import installed_providers
from .shipped_services import NOT_STOPPABLE
from .software import Software
from .subsystems.account_database import Domain
from .subsystems.accounts import Accounts
from .subsystems.clock import VirtualClock
from .subsystems.event_log import EventLog
from .subsystems.firewall import Firewall
from .subsystems.firewall_rule import DOMAIN, PRIVATE
from .subsystems.logon import LogonError, LogonService
from .subsystems.registry import KeyNode, Registry, export_text
from .subsystems.registry_value import RegistryValue
from .subsystems.service_manager import SERVICES_KEY, Environment, ServiceManager, config_values
from .subsystems.service_record import Process, State

_CURRENT_VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_WSMAN_SERVICE = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Service"


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """The lasting state of a host. Equal snapshots are equal byte for byte."""

    registry: KeyNode
    services: tuple[object, ...]
    accounts: tuple[object, ...]
    files: tuple[object, ...]

    def text(self) -> str:
        """A canonical text of everything, for readable differences. Holds no password."""
        rest = (*self.services, *self.accounts, *self.files)
        return export_text(self.registry) + "\n".join(repr(item) for item in rest) + "\n"


class SimulatedHost:
    """A host of a site. `domain` makes it a member; `software` is installed before its first boot."""

    def __init__(
        self,
        name: str,
        profile: Profile = SERVER_2019,
        *,
        ui_language: str = "en-US",
        clock: VirtualClock | None = None,
        domain: Domain | None = None,
        software: Sequence[Software] = (),
    ) -> None:
        self.computer_name = name.upper()[:15]
        self.profile = profile
        self.stack_version = profile.stack_version
        self.ui_language = ui_language
        self.domain = domain
        self.clock = clock or VirtualClock()
        self.journal = Journal(self.clock.now)
        self.environment = {**MACHINE_ENVIRONMENT, "COMPUTERNAME": self.computer_name}
        self.files = FileTable(file_baseline(profile), self.environment)
        self.registry = Registry(registry_baseline(profile), self.journal)
        self.wmi_remote_sids: set[str] = {"S-1-5-32-544"}  # who has Remote Enable on the WMI namespaces
        self.hot_fixes: list[tuple[str, str]] = []  # (KB number, date as Windows writes it)
        self._com_programs: dict[str, ComProgram] = {}
        self._guids = 0
        self._started: list[tuple[int, Process]] = []  # (number of the boot, process) of programs that users started
        self._create_accounts()
        self._create_services()
        self.firewall = Firewall(self.registry, self.journal, profile.firewall_schema, self._new_guid)
        self.firewall.is_running = lambda: self._runs("MpsSvc")
        self.firewall.configure(network_profile=DOMAIN if self.domain else PRIVATE, variables=self.environment)
        self._install(software)
        self.boot.start()
        self.services.on_start["MPSSVC"] = self.firewall.reload
        self.programs = installed_programs(self)
        self.interpreter = CommandShell(self)
        self._providers = installed_providers(self)
        self.journal.records.clear()
        self.initial = self.snapshot()

    # Parts

    def _create_accounts(self) -> None:
        self.accounts = Accounts(
            self.computer_name,
            ui_language=self.ui_language,
            build=self.profile.build,
            domain=self.domain,
            journal=self.journal,
            now=self.clock.now,
        )
        self.event_log = EventLog(self.dns_name, self.clock.now, self.journal)
        self.logons = LogonService(self.accounts, self.registry, self.event_log)

    def _create_services(self) -> None:
        self.services = ServiceManager(
            Environment(
                registry=self.registry,
                clock=self.clock,
                files=self.files,
                journal=self.journal,
                variables=self.environment,
                starts_process=self._com_process_of,
                account_error=self.logons.service_account_error,
            )
        )
        self.accounts.service_names = self.services.names
        self.boot = Boot(
            self.profile, self.registry, self.services, self.event_log, self.clock, self.journal
        )  # fmt: skip
        for name in NOT_STOPPABLE:
            self.services.preset(name).accepts_stop = False

    def _install(self, software: Sequence[Software]) -> None:
        control = r"HKLM\SYSTEM\CurrentControlSet\Control"
        self._set(rf"{control}\ComputerName\ComputerName", "ComputerName", self.computer_name)
        self._set(rf"{control}\ComputerName\ActiveComputerName", "ComputerName", self.computer_name)
        self._set(f"{SERVICES_KEY}\\Tcpip\\Parameters", "Hostname", self.computer_name)
        self._set(f"{SERVICES_KEY}\\Tcpip\\Parameters", "Domain", self.domain.dns_name if self.domain else "")
        machine = uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.computer_name}.{self.profile.build}.example")
        self._set(r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid", str(machine))
        for item in software:
            self.install(item)

    def install(self, software: Software) -> None:
        """Put a piece of software on the host; its services start at the next boot or when told."""
        for key, name, value in software.entries:
            if name is None or value is None:
                self.registry.create_key(None, key)
            else:
                self.registry.put(key, name, value)
        for service in software.services:
            for name, value in config_values(service):
                self.registry.put(f"{SERVICES_KEY}\\{service.name}", name, value)
        for path, version in software.files:
            self.files.add(path, version)
        for program in software.programs:
            self._com_programs[program.program.lower()] = program

    def update(self, profile: Profile) -> None:
        """Install updates: the same Windows at another revision, with the reboot that puts them in force."""
        assert (profile.build, profile.key) == (self.profile.build, self.profile.key), "an upgrade is no update"
        self.profile = self.boot.profile = profile
        for path, version in file_baseline(profile).items():
            self.files.add(path, version)
        if profile.has_ubr:
            self.registry.put(_CURRENT_VERSION, "UBR", RegistryValue.dword(profile.revision))
        self.reboot()
        self.clock.advance(self.boot.down_time_s)

    def _set(self, key: str, name: str, text: str) -> None:
        self.registry.put(key, name, RegistryValue.sz(text))

    def _runs(self, service: str) -> bool:
        found = self.services.find(service)
        return found is not None and found.state is State.RUNNING

    def _new_guid(self) -> str:
        """A GUID as programs draw them at random, but the same in every run."""
        self._guids += 1
        return "{" + str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.dns_name}/{self._guids}")).upper() + "}"

    # Names and versions

    @property
    def dns_name(self) -> str:
        return f"{self.computer_name}.{self.domain.dns_name}" if self.domain else self.computer_name

    @property
    def os_version(self) -> tuple[str, int]:
        return self.profile.version_text, self.profile.service_pack

    # State

    @property
    def is_up(self) -> bool:
        """Whether something answers on the WinRM port: booted, and the WinRM service runs."""
        return self.boot.is_up and self._runs("WinRM")

    @property
    def boot_count(self) -> int:
        """How often the host has booted; a due reboot is carried out first."""
        self.boot.settle()
        return self.boot.boot_count

    @property
    def allow_unencrypted(self) -> bool:
        return self.registry.get_number(_WSMAN_SERVICE, "allow_unencrypted", 0) == 1

    @allow_unencrypted.setter
    def allow_unencrypted(self, value: bool) -> None:
        self.registry.put(_WSMAN_SERVICE, "allow_unencrypted", RegistryValue.dword(int(value)))

    @property
    def violations(self) -> list[Violation]:
        return self.journal.violations

    def snapshot(self) -> HostSnapshot:
        return HostSnapshot(
            self.registry.snapshot(), self.services.snapshot(), self.accounts.snapshot(), self.files.snapshot()
        )

    def reboot(self) -> None:
        """Reboot at once, as if somebody pressed the button."""
        self.boot.reboot()

    # COM in force

    def in_force(self) -> InForce:
        """What decides about DCOM now, whatever the registry says."""
        return self.boot.in_force()

    def launch_permission(self, app_id: str | None) -> Descriptor:
        """Who may launch and activate an application: read on each request."""
        return launch_permission(self.registry, app_id)

    def com_process(self, program: str) -> ComProcess:
        """What is in force in the process of an executable: captured at its start, or now if COM would start it."""
        wanted = program.lower()
        for process in self.services.processes():
            if process.program.lower() == wanted and isinstance(process.com, ComProcess):
                return process.com
        return self._com_process_of(program, "")

    def run_program(self, path: str, account: str) -> Process:
        """Start a program as its user does, or COM on demand; it runs until the host goes down."""
        process = Process(9000 + 4 * len(self._started), path, account, self.clock.now(), self.com_process(path))
        self._started.append((self.boot_count, process))
        return process

    def processes(self) -> list[Process]:
        """Processes of services and of programs that were started since the last boot."""
        started = [process for boot_count, process in self._started if boot_count == self.boot_count]
        return [*self.services.processes(), *started]

    def app_id_of(self, program: str) -> str | None:
        """The AppID that the registry maps to an executable."""
        return app_id_of_program(self.registry, program)

    def _com_process_of(self, program: str, service_name: str) -> ComProcess:
        behaviour = self._com_programs.get(program.lower(), ComProgram(program))
        return captured_process(self.registry, behaviour, self.clock.now())

    # Logons

    def logon(self, user_name: str, password: str, address: str) -> Caller | None:
        """Basic authentication knows local accounts only (wsman_cim.md 7)."""
        authority, _sep, name = user_name.rpartition("\\")
        if "@" in user_name or authority.upper() not in ("", ".", self.computer_name):
            return None
        try:
            return self.logons.logon(f".\\{name}", password, address)
        except LogonError:
            return None

    def logon_names(self) -> Sequence[tuple[str, str]]:
        return self.logons.credentials()

    def caller_of(self, account_name: str, address: str) -> Caller:
        """Raises: LogonError for an account that does not exist."""
        return self.logons.token_of(account_name, address)

    # CIM

    def provider(self, namespace: str, class_name: str) -> Provider | None:
        self.boot.settle()
        return self._providers.get((_namespace(namespace), class_name.lower()))

    def providers(self, namespace: str) -> Sequence[Provider]:
        wanted = _namespace(namespace)
        return [provider for (found, _unused), provider in self._providers.items() if found == wanted]

    def has_namespace(self, namespace: str) -> bool:
        known = {ROOT_CIMV2} | ({ROOT_STANDARDCIMV2} if self.stack_version == "3.0" else set())
        return _namespace(namespace) in known


def _namespace(text: str) -> str:
    return text.replace("\\", "/").lower()

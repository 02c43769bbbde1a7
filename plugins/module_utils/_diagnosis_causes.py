# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Causes for which OPC links fail: what each is in words, what to do, and the command that does it. Data and texts.

A command is for a person to copy, so only names that the site model says stand in it, and only plain ones: what a host
or an event says could be made to run something. Source of causes and cures: dcom.md 3.2, 3.5, 5.3, 6.1, 6.4, 6.5.
"""

from __future__ import annotations

import enum
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType

Words = Mapping[str, str]
_PLAIN = re.compile(r"[\w .:\\/$@()+-]{1,256}")
_COLLECTION = "otsec.opc_dcom"


class Cause(enum.Enum):
    """Why a link fails. The value is stable: programs and tests go by it."""

    HOST_SILENT = "host_silent"
    PROGRAM_STOPPED = "program_stopped"
    LEVEL_INVALID = "level_invalid"
    ADDRESS_UNKNOWN = "address_unknown"
    NAME_RESOLUTION = "name_resolution"
    UNREACHABLE = "unreachable"
    FIREWALL = "firewall"
    RPC_STOPPED = "rpc_stopped"
    DCOM_OFF = "dcom_off"
    NO_IDENTITY = "no_identity"
    DOMAIN_UNREACHABLE = "domain_unreachable"
    DOMAIN_TRUST = "domain_trust"
    ACCOUNT_MISSING = "account_missing"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_UNUSABLE = "account_unusable"
    PASSWORD_WRONG = "password_wrong"
    PASSWORD_EXPIRED = "password_expired"
    LOGON_RIGHT = "logon_right"
    LOGON_FAILED = "logon_failed"
    GUEST_FORCED = "guest_forced"
    ANONYMOUS_FORBIDDEN = "anonymous_forbidden"
    RUNS_AS_OTHER = "runs_as_other"
    ANONYMOUS_REFUSED = "anonymous_refused"
    LEVEL_LOW = "activation_level"
    LEVEL_OF_PROGRAM = "activation_level_of_program"
    CLASS_MISSING = "class_not_registered"
    CLASS_WRONG = "wrong_class"
    LAUNCH_LIMIT = "launch_limit"
    LAUNCH_PERMISSION = "launch_permission"
    ACCESS_LIMIT = "access_limit"
    ACCESS_PERMISSION = "access_permission"
    LIMIT_OF_POLICY = "limit_of_policy"
    PERMISSION_INVALID = "permission_invalid"
    OWN_PERMISSION = "own_permission"
    SERVICE_DISABLED = "service_disabled"
    PROGRAM_MISSING = "program_missing"
    SERVICE_LOGON = "service_logon"
    SERVICE_SILENT = "service_silent"
    START_FAILED = "start_failed"
    PROXY_STUB = "proxy_stub"
    DENIED = "denied"
    NOT_IN_FORCE = "not_in_force"
    NOT_LOOKED_AT = "not_looked_at"
    UNDECLARED = "undeclared"
    WEAKNESS = "weakness"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a cause is and what to do, as templates of words; `recipes` name the commands, in the order to run them."""

    what: str
    do: str
    recipes: tuple[str, ...] = ()


_SAME_PASSWORD = (
    "give {account} the same password on both hosts: the one that the service of the other host runs with, which is "
    "accounts.{account}.password in opc_site"
)
_GRANT = "let harden_opc grant what the links need"

REMEDIES: Mapping[Cause, Remedy] = MappingProxyType(
    {
        Cause.HOST_SILENT: Remedy(
            "the host does not answer", "see whether it is up, then its address and the way there", ("ping",)
        ),
        Cause.PROGRAM_STOPPED: Remedy(
            "the client program {program} does not run", "start its service {service}", ("start",)
        ),
        Cause.LEVEL_INVALID: Remedy(
            "the authentication level of {program} is a number that COM rejects",
            "take the value away, so that the default counts, then restart the program",
            ("level",),
        ),
        Cause.ADDRESS_UNKNOWN: Remedy("no address of the host is known", "give hosts.{host}.address in opc_site"),
        Cause.NAME_RESOLUTION: Remedy(
            "the client looks for {target}, a name that leads nowhere or to another host",
            "enter the address of the server at the client, or correct DNS or the hosts file of {host}",
        ),
        Cause.UNREACHABLE: Remedy(
            "{target} could not be reached",
            "see that it was up at that time, that no router or firewall stands in between, and the way there",
            ("verify",),
        ),
        Cause.FIREWALL: Remedy(
            "the Windows firewall is in the way",
            "let harden_opc open what the links need; block rules and Group Policy must go by hand",
            ("harden",),
        ),
        Cause.RPC_STOPPED: Remedy("the service RpcSs does not run", "reboot the host", ("reboot_now",)),
        Cause.DCOM_OFF: Remedy(
            "DCOM is switched off", "switch it on (EnableDCOM), then reboot", ("enable_dcom", "reboot_now")
        ),
        Cause.NO_IDENTITY: Remedy(
            "nobody can say as whom the other end arrives",
            "run the program as an account that both hosts know, or allow anonymous with a reason in opc_site",
        ),
        Cause.DOMAIN_UNREACHABLE: Remedy(
            "the host reaches no domain controller",
            "see network, DNS and the domain controllers; nothing of this collection cures it",
        ),
        Cause.DOMAIN_TRUST: Remedy(
            "host and domain do not trust each other, or their clocks differ",
            "correct the time, and join the host to the domain again if need be",
        ),
        Cause.ACCOUNT_MISSING: Remedy(
            "the host does not know the account {account}",
            "create it with the password it has on the other host",
            ("harden",),
        ),
        Cause.ACCOUNT_DISABLED: Remedy("the account {account} is disabled", "enable it", ("enable_account",)),
        Cause.ACCOUNT_LOCKED: Remedy(
            "the account {account} is locked out",
            "unlock it, and find who tried wrong passwords before it locks again",
            ("unlock_account",),
        ),
        Cause.ACCOUNT_UNUSABLE: Remedy(
            "the account {account} cannot be used", "enable or unlock it", ("enable_account", "unlock_account")
        ),
        Cause.PASSWORD_WRONG: Remedy(
            "the password of {account} is not the one of the other host", _SAME_PASSWORD, ("password",)
        ),
        Cause.PASSWORD_EXPIRED: Remedy(
            "the password of {account} has expired or must be changed",
            "set it again and let it never expire, as nobody is there to change it",
            ("unexpire",),
        ),
        Cause.LOGON_RIGHT: Remedy(
            "the account {account} may not log on over the network",
            "give it SeNetworkLogonRight and take it, and its groups, from SeDenyNetworkLogonRight; Group Policy may "
            "set both",
            ("allow_logon", "undeny_logon"),
        ),
        Cause.LOGON_FAILED: Remedy("the logon of {account} failed", "see the reason in the event"),
        Cause.GUEST_FORCED: Remedy(
            "everybody from the network is made Guest (ForceGuest)",
            "let network logons be who they are",
            ("as_themselves",),
        ),
        Cause.ANONYMOUS_FORBIDDEN: Remedy(
            "the program arrives as nobody, and its host forbids to go on so (DCOMSCMRemoteCallFlags)",
            "run the program as an account that both hosts know",
        ),
        Cause.RUNS_AS_OTHER: Remedy(
            "{program} of {peer} arrives as somebody else than {account}, whom opc_site expects",
            "let it run as {account} (its service, or whoever starts it), or say in opc_site what it runs as",
        ),
        Cause.ANONYMOUS_REFUSED: Remedy(
            "{program} of {peer} arrives as ANONYMOUS LOGON, which is not let in",
            "run it as an account that both hosts know: Local System of a workgroup host is nobody elsewhere; then run "
            "harden_opc",
            ("harden",),
        ),
        Cause.LEVEL_LOW: Remedy(
            "the client activates below Packet Integrity, which KB5004442 does not allow",
            "raise the client's level to Packet Integrity, then reboot it; or install its updates",
            ("harden", "reboot"),
        ),
        Cause.LEVEL_OF_PROGRAM: Remedy(
            "the client's program itself asks for less than Packet Integrity",
            "let Windows raise all requests (updates of November 2022 or later), then reboot; or ask its vendor",
            ("raise_all", "reboot_now"),
        ),
        Cause.CLASS_MISSING: Remedy(
            "the OPC server {program} is not registered", "install it again, or register it for its bitness"
        ),
        Cause.CLASS_WRONG: Remedy(
            "the client asks for {clsid}, which is no class of the server",
            "enter the ProgID or CLSID of the OPC server at the client; an AppID is no CLSID",
        ),
        Cause.LAUNCH_LIMIT: Remedy(
            "the machine launch and activation limit does not let {account} in", _GRANT, ("harden", "reboot")
        ),
        Cause.LAUNCH_PERMISSION: Remedy(
            "the launch permission of {program} does not let {account} in", _GRANT, ("harden",)
        ),
        Cause.ACCESS_LIMIT: Remedy("the machine access limit does not let {account} in", _GRANT, ("harden", "reboot")),
        Cause.ACCESS_PERMISSION: Remedy(
            "the access permission of {program} does not let {account} call it", _GRANT, ("harden", "restart")
        ),
        Cause.LIMIT_OF_POLICY: Remedy(
            "Group Policy sets a machine limit that does not let {account} in",
            "add the entry to the policy 'DCOM: Machine ... Restrictions', or set it there to Not defined",
        ),
        Cause.PERMISSION_INVALID: Remedy(
            "a permission is not valid, so COM refuses everybody", "repair it, keeping its entries", ("repair",)
        ),
        Cause.OWN_PERMISSION: Remedy(
            "{program} itself does not let {account} call it, whatever the registry says",
            "use the settings of the program, or ask its vendor: it sets its COM security itself",
        ),
        Cause.SERVICE_DISABLED: Remedy("the service {service} is disabled", "set its start mode", ("start",)),
        Cause.PROGRAM_MISSING: Remedy("the program of {program} is not there", "install it again"),
        Cause.SERVICE_LOGON: Remedy(
            "the service {service} cannot log on: the password stored in it is not the one of its account",
            "enter the password at the service, or set the account's password to it; then start the service",
            ("start",),
        ),
        Cause.SERVICE_SILENT: Remedy(
            "the service {service} does not answer when it is started",
            "start it by hand and see its own log; a dialog, a licence or a slow start may hold it up",
            ("start",),
        ),
        Cause.START_FAILED: Remedy(
            "the OPC server {program} could not be started", "start it by hand and see the reason", ("start",)
        ),
        Cause.PROXY_STUB: Remedy(
            "a proxy/stub DLL of OPC is not registered",
            "install the OPC Core Components Redistributable there, for the bitness of the program",
        ),
        Cause.DENIED: Remedy(
            "{target} refused, and nothing that was read says why",
            "log refusals (dcom_logging), let the link fail once more, and diagnose again",
            ("log_all",),
        ),
        Cause.NOT_IN_FORCE: Remedy(
            "what is configured is not in force yet", "reboot, or restart the program", ("reboot_now",)
        ),
        Cause.NOT_LOOKED_AT: Remedy(
            "the host was not looked at", "diagnose again with this host in the inventory and up"
        ),
        Cause.UNDECLARED: Remedy(
            "somebody who is not in opc_site was refused",
            "declare the link in opc_site if it is to work; else leave it refused",
        ),
        Cause.WEAKNESS: Remedy("{finding}", "{advice}"),
    }
)


def fill(template: str, words: Words) -> str:
    """The template with its words, which are never read as templates; an unknown word is said to be unknown."""
    parts = Formatter().parse(template)
    return "".join(text + (words.get(name) or f"(unknown {name})" if name else "") for text, name, _s, _c in parts)


def commands(recipes: Sequence[str], words: Words) -> tuple[str, ...]:
    """The commands that can be told; one whose words are missing or not plain is left out."""
    made = (_RECIPES[name](words) for name in recipes)
    return tuple(text for text in made if text)


# -- commands


def _playbook(name: str, words: Words, *extra: str) -> str:
    if not _PLAIN.fullmatch(words.get("host", "")):
        return ""
    host = shlex.quote(words["host"])
    return " ".join((f"ansible-playbook {_COLLECTION}.{name}{words.get('inventory', '')} --limit {host}", *extra))


def _task(words: Words, module: str, options: Mapping[str, object], needs: Sequence[str] = ()) -> str:
    """An ad-hoc command. `needs`: words without which there is none."""
    if not all(_PLAIN.fullmatch(words.get(name, "")) for name in ("host", *needs)):
        return ""
    text = f"ansible {shlex.quote(words['host'])}{words.get('inventory', '')} -m {module}"
    return f"{text} -a {shlex.quote(json.dumps(options))}" if options else text


def _user(words: Words, **options: object) -> str:
    return _task(words, "ansible.windows.win_user", {"name": words.get("user"), **options}, ["user"])


def _right(words: Words, right: str, action: str) -> str:
    options = {"name": right, "users": [words.get("user")], "action": action}
    return _task(words, "ansible.windows.win_user_right", options, ["user"])


def _selector(words: Words) -> tuple[str, str]:
    return words.get("selector", ""), words.get("selected", "")


def _application(words: Words, module: str, options: Mapping[str, object]) -> str:
    option, value = _selector(words)
    if not option:
        return ""
    return _task(words, f"{_COLLECTION}.{module}", {option: value, **options}, ["selected"])


def _repair(words: Words) -> str:
    options: dict[str, object] = {"kind": words.get("kind"), "repair": True}
    if words.get("scope", "").startswith("machine"):
        return _task(words, f"{_COLLECTION}.dcom_permission", {"scope": words["scope"], **options})
    return _application(words, "dcom_permission", {"scope": "application", **options})


def _defaults(words: Words, **options: object) -> str:
    return _task(words, f"{_COLLECTION}.dcom_defaults", options)


def _service(words: Words) -> dict[str, object]:
    return {"name": words.get("service"), "start_mode": "auto", "state": "started"}


_PASSWORDS = "-e opc_accounts_update_password=always"
_ALWAYS = {"activation_failures": "always", "call_failures": "always", "invalid_security_descriptors": "always"}
_RECIPES: Mapping[str, Callable[[Words], str]] = {
    "harden": lambda words: _playbook("harden_opc", words),
    "password": lambda words: _playbook("harden_opc", words, _PASSWORDS),
    "verify": lambda words: _playbook("verify_links", words),
    "ping": lambda words: _task(words, f"{_COLLECTION}.dcom_info", {}),
    "reboot": lambda words: _task(words, f"{_COLLECTION}.opc_reboot", {}),
    "restart": lambda words: _task(words, f"{_COLLECTION}.opc_service_restart", {}),
    "start": lambda words: _task(words, "ansible.windows.win_service", _service(words), ["service"]),
    "reboot_now": lambda words: _task(words, f"{_COLLECTION}.opc_reboot", {"only_if_pending": False}),
    "level": lambda words: _application(words, "dcom_application", {"authentication_level": "default"}),
    "enable_dcom": lambda words: _defaults(words, enable_dcom=True),
    "raise_all": lambda words: _defaults(words, raise_activation="all_requests"),
    "enable_account": lambda words: _user(words, account_disabled=False),
    "unlock_account": lambda words: _user(words, account_locked=False),
    "unexpire": lambda words: _user(words, password_expired=False, password_never_expires=True),
    "allow_logon": lambda words: _right(words, "SeNetworkLogonRight", "add"),
    "undeny_logon": lambda words: _right(words, "SeDenyNetworkLogonRight", "remove"),
    "as_themselves": lambda words: _task(words, f"{_COLLECTION}.opc_host_policy", {"network_logons": "as_themselves"}),
    "repair": _repair,
    "log_all": lambda words: _task(words, f"{_COLLECTION}.dcom_logging", _ALWAYS),
}

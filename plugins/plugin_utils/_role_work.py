# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the role opc_server or opc_client does to one host, over one connection: accounts are looked at first.

Rights are given to accounts that are there. So where an account has to be made, or a person has to be told something of
it, nothing else is looked at before the role has done that; it then asks again, and says what was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._drift import differing
from ..module_utils._errors import ParameterError
from ..module_utils._sid import Sid
from ..module_utils._site_state import StateOptions
from ._account_info import ACCOUNT_SPEC, AccountQuestion, parse_question, read_accounts
from ._host._host import Host
from ._resource import Parameters, Spec
from ._resources._opc_host import HostRequest, OpcHost
from ._role_variables import AskedByRole, read_role
from ._run import Outcome, run_resource
from ._site_variables import MODEL, PROFILES, plain, profiles_of, read_host_state, said_as

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoleWork:
    """What is to be done.

    `found`: what was found of the accounts, where the role has put them in order. `question`: what is to be found out
    of them first. `request`: what is to be set.
    """

    asked: AskedByRole
    found: Found | None
    question: AccountQuestion | None
    request: HostRequest | None

    @property
    def is_idle(self) -> bool:
        return self.question is None and self.request is None

    def idle(self) -> dict[str, Any]:
        """The result where nothing is asked of the host."""
        return {**self._told(), "skipped": True, "skip_reason": "nothing is asked of this host"}

    def carry_out(self, host: Host, *, check_mode: bool, with_diff: bool) -> dict[str, Any]:
        """The result of the module. Raises: OpcDcomError."""
        found = self.found
        if self.question is not None:
            found = read_accounts(host, self.question)
            if found["needs_work"] or found["exceptions"]:
                return {**self._told(), **self._of_accounts(found, self.question)}
        told = self._told() if self.found is None else {**self._told(), "accounts": self.found}
        if self.request is None:
            return told
        request = replace(self.request, sids=_known_sids(found))
        outcome = run_resource(host, OpcHost(), request, check_mode=check_mode)
        return {**told, **self._of_outcome(outcome, with_diff=with_diff)}

    def _told(self) -> dict[str, Any]:
        """What every result has."""
        return {
            "changed": False,
            "accounts_first": False,
            "options": {name: value for name, value in self.asked.options.items() if value is not None},
            "takes_links": self.asked.takes_links,
            "is_preview": self.asked.is_preview,
            "has_more": False,
            "reboot_required": False,
            "restart_required": [],
            "exceptions": [],
        }

    def _of_accounts(self, found: Found, question: AccountQuestion) -> dict[str, Any]:
        """What the role opc_accounts has to know."""
        return {
            "accounts_first": True,
            "has_more": True,
            "accounts": found,
            "account_names": list(question.names),
            "accounts_with_password": list(self.asked.accounts_with_password),
        }

    def _of_outcome(self, outcome: Outcome, *, with_diff: bool) -> dict[str, Any]:
        """Each value of a result costs every host time and memory on the controller, so only differences are told."""
        result = outcome.to_result(with_diff=with_diff)
        result["before"], result["after"] = differing(result["before"], result["after"])
        return {**result, "has_more": bool(result["reboot_required"] or result["restart_required"])}


def plan_work(
    role: str, found: Found | None, variables: Mapping[str, Any], templar: Any, task_tags: Iterable[str]
) -> RoleWork:
    """Read the variables of the task and check all that they say. `found`: see RoleWork.

    Raises: SiteModelError, ParameterError.
    """
    options = StateOptions(profiles=profiles_of(said_as(PROFILES, variables, templar)))
    model = said_as(MODEL, variables, templar)
    state = read_host_state(model, variables, templar, options, own_links_only=True)
    asked = read_role(role, variables, templar, state, task_tags)
    request = _request({**asked.options, **asked.after}) if any(asked.options.values()) else None
    question = None
    if found is None and asked.account_options is not None:
        question = parse_question(_validated(f"the accounts of opc_{role}", ACCOUNT_SPEC, asked.account_options))
    return RoleWork(asked, found, question, request)


def _known_sids(found: Found | None) -> dict[str, Sid]:
    """Those of accounts that need no lookup."""
    return {str(name): Sid.from_string(str(text)) for name, text in (found or {}).get("sids", {}).items()}


def _request(options: Parameters) -> HostRequest:
    given = {name: value for name, value in options.items() if value is not None}
    resource = OpcHost()
    return resource.desired(_validated("what the role asks of the host", resource.argument_spec, given))


def _validated(what: str, spec: Spec, given: Parameters) -> Parameters:
    """The options as the module of the spec would get them. Raises: ParameterError.

    Validation fills in what is missing where it stands, so parts that several options share are copied apart.
    """
    validation = ArgumentSpecValidator(spec).validate(plain(given))
    if validation.error_messages:
        raise ParameterError("", f"{what} is not valid: {'; '.join(validation.error_messages)}")
    return dict(validation.validated_parameters)

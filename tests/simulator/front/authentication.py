# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sent a message: Basic on every request, NTLM or Negotiate once per TCP connection.

An NTLM context also seals the messages of a plain http connection (`multipart/encrypted`), and proves them: a body
that is not sealed is refused there unless the host allows unencrypted messages.

Source: MS-WSMV 2.2.9.1 (encrypted messages), RFC 4559, RFC 7617; wsman_cim.md 1.1.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import spnego
import spnego.channel_bindings
import spnego.exceptions

from ..cim import Caller, SimulatedWindows

BASIC, NTLM = "basic", "ntlm"
SEALED = "application/HTTP-SPNEGO-session-encrypted"
_CHALLENGES = {BASIC: ('Basic realm="WSMAN"',), NTLM: ("Negotiate", "Kerberos")}
_CHANNEL_BINDINGS_PAIR = b"\x0a\x00\x10\x00"  # AV_PAIR MsvAvChannelBindings, 16 bytes (MS-NLMP 2.2.2.1)
_ENVIRONMENT = "NTLM_USER_FILE"
_environment_lock = threading.Lock()


class SealError(Exception):
    """A sealed body cannot be opened on this connection."""


class AccountFileError(Exception):
    """A password cannot be told to the NTLM acceptor: its file has no way to write colons and line ends."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`caller` is set when the request may be handled; otherwise 401 with these WWW-Authenticate values."""

    caller: Caller | None
    challenges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """What authentication needs to know of one listener."""

    host: SimulatedWindows
    schemes: tuple[str, ...]
    account_file: Path
    certificate_hash: bytes | None = None  # SHA-256 of the DER certificate, for channel bindings over TLS

    @property
    def challenges(self) -> tuple[str, ...]:
        order = [scheme for scheme in (NTLM, BASIC) if scheme in self.schemes]
        return tuple(value for scheme in order for value in _CHALLENGES[scheme])


class Authenticator:
    """The authentication state of one TCP connection."""

    def __init__(self, service: Service, address: str) -> None:
        self._service = service
        self._address = address
        self._context: spnego.ContextProxy | None = None
        self._caller: Caller | None = None

    def authenticate(self, authorization: str | None) -> Outcome:
        """Judge one request by its Authorization header; without one, by what the connection has proved before."""
        if authorization is None:
            return self._settled()
        scheme, _sep, token = authorization.partition(" ")
        if scheme.lower() == "basic" and BASIC in self._service.schemes:
            return self._basic(token)
        if scheme.lower() in ("negotiate", "ntlm") and NTLM in self._service.schemes:
            return self._negotiate(scheme, token)
        return Outcome(None, self._service.challenges)

    @property
    def can_unseal(self) -> bool:
        return self._caller is not None and self._context is not None

    def _settled(self) -> Outcome:
        return Outcome(self._caller) if self._caller is not None else Outcome(None, self._service.challenges)

    def _basic(self, token: str) -> Outcome:
        try:
            user, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Outcome(None, self._service.challenges)
        caller = self._service.host.logon(user, password, self._address) if colon else None
        return Outcome(caller, () if caller else self._service.challenges)

    def _negotiate(self, scheme: str, token: str) -> Outcome:
        try:
            data = base64.b64decode(token, validate=True)
            if self._context is None or self._context.complete:
                self._caller, self._context = None, self._new_context(data)
            with _account_file(self._service):
                reply = self._context.step(data, channel_bindings=self._bindings(data))
        except (binascii.Error, spnego.exceptions.SpnegoError, struct.error, ValueError):
            self._context = None
            return Outcome(None, self._service.challenges)
        if self._context.complete:
            account = self._account_name(self._context.client_principal or "")
            self._caller = self._service.host.caller_of(account, self._address)
            return Outcome(self._caller, (f"{scheme} {base64.b64encode(reply).decode()}",) if reply else ())
        return Outcome(None, (f"{scheme} {base64.b64encode(reply or b'').decode()}",))

    def _new_context(self, token: bytes) -> spnego.ContextProxy:
        protocol = "ntlm" if token.startswith(b"NTLMSSP\0") else "negotiate"
        with _account_file(self._service):
            context: spnego.ContextProxy = spnego.server(
                hostname=self._service.host.computer_name, service="HTTP", protocol=protocol
            )
        return context

    def _bindings(self, token: bytes) -> spnego.channel_bindings.GssChannelBindings | None:
        """What the client must be bound to. CbtHardeningLevel is Relaxed as shipped: a client that sends no bindings
        may pass, one that sends those of another certificate may not."""
        if self._service.certificate_hash is None or _CHANNEL_BINDINGS_PAIR not in token:
            return None
        return spnego.channel_bindings.GssChannelBindings(
            application_data=b"tls-server-end-point:" + self._service.certificate_hash
        )

    def _account_name(self, principal: str) -> str:
        """The account as the host names it; the client may have spelled domain and user in several ways."""
        for account, _unused in self._service.host.logon_names():
            if principal.lower() in (form.lower() for form in _principals(self._service.host, account)):
                return account
        return principal

    def unseal(self, content_type: str, body: bytes) -> bytes:
        """The plain message of a `multipart/encrypted` body. Raises SealError."""
        context = self._context
        if context is None or self._caller is None or SEALED.lower() not in content_type.lower():
            raise SealError("no security context on this connection")
        match = _SEALED_BODY.fullmatch(body)
        if match is None:
            raise SealError("the body is not a sealed message")
        (signature_length,) = struct.unpack_from("<i", match.group(2))
        sealed = match.group(2)[4:]
        try:
            message: bytes = context.unwrap_winrm(sealed[:signature_length], sealed[signature_length:])
        except spnego.exceptions.SpnegoError as error:
            raise SealError(str(error)) from error
        if len(message) != int(match.group(1)):
            raise SealError(f"{len(message)} bytes, announced were {int(match.group(1))}")
        return message

    def seal(self, message: bytes, charset: str) -> tuple[str, bytes]:
        """(Content-Type, body) of a sealed answer."""
        assert self._context is not None
        result = self._context.wrap_winrm(message)
        body = (
            f"--Encrypted Boundary\r\n\tContent-Type: {SEALED}\r\n"
            f"\tOriginalContent: type=application/soap+xml;charset={charset.upper()};Length={len(message)}\r\n"
            "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        ).encode()
        body += struct.pack("<i", len(result.header)) + result.header + result.data + b"--Encrypted Boundary--\r\n"
        return f'multipart/encrypted;protocol="{SEALED}";boundary="Encrypted Boundary"', body


_SEALED_BODY = re.compile(
    rb"--\s*Encrypted Boundary\r\n\s*Content-Type: [^\r\n]+\r\n\s*OriginalContent: [^\r\n]*Length=(\d+)\r\n"
    rb"--\s*Encrypted Boundary\r\n\s*Content-Type: application/octet-stream\r\n(.{4,})--\s*Encrypted Boundary--\r\n",
    re.DOTALL,
)


def _principals(host: SimulatedWindows, account: str) -> Sequence[str]:
    """The `domain\\user` forms NTLM clients send for an account, as the acceptor reports them."""
    domain, backslash, name = account.rpartition("\\")
    if backslash:
        return (account, f"{name}@{domain}")
    return (name, f"{host.computer_name}\\{name}", f".\\{name}", f"{name}@{host.computer_name}")


def _account_lines(host: SimulatedWindows) -> str:
    lines = []
    for account, password in host.logon_names():
        if ":" in password or "\n" in password:
            raise AccountFileError(f"the password of {account} has a colon or a line end")
        for principal in _principals(host, account):
            domain, _sep, name = principal.rpartition("\\")
            lines.append(f"{domain}:{name}:{password}\n")
    return "".join(lines)


@contextlib.contextmanager
def _account_file(service: Service) -> Iterator[None]:
    """Show pyspnego the accounts of one host: its acceptor finds them only through an environment variable."""
    service.account_file.write_text(_account_lines(service.host), encoding="utf-8")
    with _environment_lock:
        previous = os.environ.get(_ENVIRONMENT)
        os.environ[_ENVIRONMENT] = str(service.account_file)
        try:
            yield
        finally:
            if previous is None:
                del os.environ[_ENVIRONMENT]
            else:
                os.environ[_ENVIRONMENT] = previous

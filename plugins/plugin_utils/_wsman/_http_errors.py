# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Exceptions of requests, urllib3, ssl and the socket layer, as errors of ours. Shared by both adapters.

pywinrm and pypsrp wrap requests, which wraps urllib3, which wraps the socket: the reason is somewhere in the chain, so
the whole chain is looked at, by type and errno.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionDropped,
    ConnectionFailed,
    ProtocolError,
    TransportTimeout,
    UnsupportedConnection,
    WsmanError,
)

_ErrorTypes = tuple[type[BaseException], ...]

try:
    from requests import exceptions as requests_errors
    from requests.packages.urllib3 import exceptions as urllib3_errors
except ImportError:  # then there is no pywinrm and no pypsrp either, and nothing here is ever called
    _URLLIB3: _ErrorTypes = ()
    _PROXY: _ErrorTypes = ()
    _CONNECT_TIMEOUT: _ErrorTypes = ()
    _NEW_CONNECTION: _ErrorTypes = ()
    _TIMEOUT: _ErrorTypes = (TimeoutError,)
    _BROKEN: _ErrorTypes = ()
else:
    _URLLIB3 = (urllib3_errors.HTTPError,)
    _PROXY = (requests_errors.ProxyError, urllib3_errors.ProxyError)
    _CONNECT_TIMEOUT = (requests_errors.ConnectTimeout,)
    _NEW_CONNECTION = (urllib3_errors.NewConnectionError,)
    _TIMEOUT = (requests_errors.Timeout, urllib3_errors.ReadTimeoutError, TimeoutError)
    _BROKEN = (urllib3_errors.ProtocolError, requests_errors.ChunkedEncodingError, requests_errors.ContentDecodingError)

try:
    from spnego.exceptions import FeatureMissingError, NoContextError, SpnegoError
except ImportError:
    _SPNEGO: _ErrorTypes = ()
else:
    _SPNEGO = (SpnegoError, FeatureMissingError, NoContextError)

try:
    from requests_credssp.exceptions import (  # type: ignore[import-not-found,unused-ignore]
        AuthenticationException,
        InvalidConfigurationException,
    )
except ImportError:
    _CREDSSP: _ErrorTypes = ()
else:
    _CREDSSP = (AuthenticationException, InvalidConfigurationException)

_DROPPED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)

# What the libraries raise over replies they did not expect: missing header, short signature, unknown token ...
_TRIPPED = (LookupError, ValueError, AttributeError, TypeError, struct.error)

CAUGHT: _ErrorTypes = (OSError, http.client.HTTPException, *_URLLIB3, *_SPNEGO, *_CREDSSP, *_TRIPPED)


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom a transport talks to and as whom, for error texts. `ca_variable` is the inventory variable for a CA file."""

    url: str
    account: str
    authentication: str
    ca_variable: str


def translate(error: BaseException, peer: Peer, *, had_session: bool) -> WsmanError:
    """Return our error for an exception the libraries raised while a message was under way.

    `had_session` says that authentication and encryption had been set up before.
    """
    chain = tuple(_chain(error))
    known = _tls_error(chain, peer) or _network_error(chain) or _authentication_error(chain, peer)
    return known or _tripped(error, had_session=had_session)


def refused(error: BaseException, peer: Peer) -> AuthenticationFailed:
    """Return our error for an exception that stands for HTTP 401, with the schemes the host offers instead."""
    offered = _offered_schemes(_chain(error))
    answer = f"it offers {', '.join(sorted(offered)) or 'no scheme'}" if offered is not None else _words(error)
    hint = (
        "Check user and password, that the account is not locked or disabled, and that it may log on over the network."
    )
    if peer.authentication in ("basic", "plaintext", "ssl"):
        hint += " Basic authentication takes local accounts only, and must be allowed on the host."
    return AuthenticationFailed(
        f"the host refused account {peer.account!r} with {peer.authentication} authentication (HTTP 401; {answer}).",
        hint,
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and everything it wraps, each once."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _first(chain: tuple[BaseException, ...], types: _ErrorTypes) -> BaseException | None:
    return next((item for item in chain if isinstance(item, types)), None)


def _tls_error(chain: tuple[BaseException, ...], peer: Peer) -> WsmanError | None:
    rejected = _first(chain, (ssl.SSLCertVerificationError,))
    if isinstance(rejected, ssl.SSLCertVerificationError):
        reason = rejected.verify_message or rejected.reason
        return CertificateRejected(
            f"the TLS certificate of the host does not verify on this controller: {reason}.",
            f"Name the issuing CA in {peer.ca_variable}, or address the host by a name in its certificate.",
        )
    failed = _first(chain, (ssl.SSLError,))
    if isinstance(failed, ssl.SSLError) and not isinstance(failed, _DROPPED):
        return ConnectionFailed(
            f"TLS did not come up: {failed.reason or failed.strerror}.",
            "Check that the port is the https listener (5986) and that both sides share a TLS version.",
        )
    return None


def _network_error(chain: tuple[BaseException, ...]) -> WsmanError | None:
    if _first(chain, _PROXY):
        return ConnectionFailed("the proxy did not connect.", "Exempt the host from the proxy (no_proxy).")
    if unresolved := _first(chain, (socket.gaierror,)):
        return ConnectionFailed(f"the name does not resolve: {_words(unresolved)}.", "Check ansible_host and DNS.")
    if _first(chain, (ConnectionRefusedError,)):
        return ConnectionFailed(
            "the connection was refused.", "Check the port, that WinRM runs on the host, and the firewall between."
        )
    if _first(chain, _CONNECT_TIMEOUT):
        return TransportTimeout("no connection within the time allowed.", "Check that the host is up and the firewall.")
    if failed := _first(chain, _NEW_CONNECTION):
        reason = next((item for item in chain if isinstance(item, OSError) and isinstance(item.errno, int)), failed)
        return ConnectionFailed(f"no connection: {_words(reason)}.")
    if _first(chain, _TIMEOUT):
        return TransportTimeout("no answer within the time allowed.", "Raise the read time-out of the connection.")
    return _broken(chain)


def _broken(chain: tuple[BaseException, ...]) -> WsmanError | None:
    strange = _first(chain, (http.client.BadStatusLine,))
    if strange is not None and not isinstance(strange, http.client.RemoteDisconnected):
        return ConnectionFailed("what answers is not HTTP.", "Check the port, and http against https.")
    if ended := _first(chain, (*_DROPPED, http.client.IncompleteRead, *_BROKEN)):
        return ConnectionDropped(f"the connection broke before the answer was complete ({type(ended).__name__}).")
    return None


def _authentication_error(chain: tuple[BaseException, ...], peer: Peer) -> WsmanError | None:
    # requests_ntlm raises a bare PermissionError when the host does not answer with a challenge.
    failed = _first(chain, (*_SPNEGO, *_CREDSSP, PermissionError))
    if failed is None or (isinstance(failed, OSError) and failed.errno is not None):
        return None
    return AuthenticationFailed(
        f"{peer.authentication} authentication of account {peer.account!r} failed: {_words(failed)}.",
        "Check that the host offers this authentication and that the libraries for it are installed.",
    )


def _tripped(error: BaseException, *, had_session: bool) -> WsmanError:
    if isinstance(error, OSError):
        return ConnectionFailed(f"the connection failed: {_words(error)}.")
    hint = "Check that it is WinRM that answers there, and the authentication and message encryption settings."
    what = f"{_words(error)} ({type(error).__name__})."
    if had_session:
        return ProtocolError(f"the reply cannot be read or decrypted: {what}", hint=hint)
    return UnsupportedConnection(f"authentication or message encryption cannot be set up: {what}", hint)


def http_status(error: BaseException) -> int | None:
    """Return the status of the HTTP answer an exception is about, if it is about one."""
    return next((response.status_code for response in _responses(_chain(error))), None)


def _offered_schemes(chain: Iterator[BaseException]) -> set[str] | None:
    for response in _responses(chain):
        offers = response.headers.get("WWW-Authenticate", "").split(",")
        return {offer.split()[0] for offer in offers if offer.strip()}
    return None


def _responses(chain: Iterator[BaseException]) -> Iterator[Any]:
    responses = (getattr(item, "response", None) for item in chain)
    return (response for response in responses if response is not None)


def _words(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, OSError) and isinstance(error.strerror, str):  # requests puts exceptions there
        text = error.strerror
    return " ".join(text.split())[:300].rstrip(".") or type(error).__name__

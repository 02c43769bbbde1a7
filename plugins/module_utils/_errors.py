# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The roots of every error this collection raises on purpose.

The action boundary (plugin_utils/_action.py) catches `OpcDcomError` and nothing else: any other exception is a bug and
keeps its traceback. Errors of the wire live beside the client (plugin_utils/_wsman/_errors.py).
"""

from __future__ import annotations

# Characters of a message: what a host or a person has sent must not come back whole in every result and log.
MAX_MESSAGE = 4096
_KEPT_END = 1024


class OpcDcomError(Exception):
    """Root of all errors of the collection. The text says what was tried, on what, what came back, what to do.

    A text of more than 4096 characters loses its middle: what came back stands there, what to do comes last.
    """

    def __str__(self) -> str:
        return shortened(super().__str__())


def shortened(text: str) -> str:
    """A text of at most `MAX_MESSAGE` characters and the note that says what was left out."""
    left_out = len(text) - MAX_MESSAGE
    if left_out <= 0:
        return text
    return f"{text[: MAX_MESSAGE - _KEPT_END]} [{left_out} characters left out] {text[-_KEPT_END:]}"


class DomainError(OpcDcomError, ValueError):
    """A value (text, bytes or option) is not what its grammar, format or rules allow. Nothing has been changed."""


class DescriptorFormatError(DomainError):
    """Bytes are not a security descriptor. `offset` is where reading failed, in bytes from the start."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at byte {offset})")
        self.offset = offset


class TextSyntaxError(DomainError):
    """A text does not follow its grammar. `text[offset:offset + length]` is the part that was refused."""

    def __init__(self, text: str, offset: int, length: int, expected: str) -> None:
        super().__init__(f"{expected}, at character {offset} of {text!r}: found {text[offset : offset + length]!r}")
        self.text = text
        self.offset = offset
        self.length = length
        self.expected = expected


class SddlSyntaxError(TextSyntaxError):
    """A text is not SDDL (MS-DTYP 2.5.1.1)."""


class RuleSyntaxError(TextSyntaxError):
    """A text is not a firewall rule of MS-GPFAS 2.2.2."""


class ParameterError(DomainError):
    """An option of a module, role or site model is wrong. `path` names it, such as ``permissions[2].rights``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class ComSecurityError(DomainError):
    """A security descriptor decodes but is not one that COM accepts or that we agree to write."""


class LockoutError(OpcDcomError):
    """The plan would lock out the administrator, COM or Ansible itself; refused before anything was changed."""


class HostStateError(OpcDcomError):
    """The request cannot be carried out on the host as it is: missing key, wrong type, access denied, ..."""

# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What differs between the `before` and the `after` of a result, one difference a line, with its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def drift(before: object, after: object) -> tuple[str, ...]:
    """Lines such as ``defaults / authentication_level: connect (2) -> packet_integrity (5)``; none for equal states."""
    return tuple(_differences("", before, after))


def differing(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The parts of both states that are not the same, whole; `drift` says of them what it says of the whole states."""
    same = {name for name in before if name in after and before[name] == after[name]}
    old, new = ({name: part for name, part in state.items() if name not in same} for state in (before, after))
    return old, new


def _differences(path: str, before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(f"{path} / {name}" if path else str(name), before.get(name), after.get(name))
    elif _is_list(before) and _is_list(after):
        yield from _list_differences(path, before, after)
    else:
        yield f"{path}: {_text(before)} -> {_text(after)}"


def _list_differences(path: str, before: object, after: object) -> Iterator[str]:
    """Items that come or go; the same items in another order are one difference."""
    old, new = ([str(item) for item in value] if isinstance(value, (list, tuple)) else [] for value in (before, after))
    changes = [f"{path}: is to go: {item}" for item in old if item not in new]
    changes += [f"{path}: is missing: {item}" for item in new if item not in old]
    yield from changes or [f"{path}: is in another order"]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    return (
        ", ".join(f"{name} {_text(item)}" for name, item in value.items()) if isinstance(value, Mapping) else str(value)
    )

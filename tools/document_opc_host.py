# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the sections of opc_host into its documentation: each has the options of the module it stands for. The options
of opc_host itself stand before them and are written by hand.

`document_opc_host.py` rewrites plugins/modules/opc_host.py, `--check` says whether that would change it (exit code 1).
Run it with an environment that has ansible-core, from anywhere. tests/drift holds the result to the argument spec.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "plugins" / "modules"
TARGET = MODULES / "opc_host.py"
# What is generated stands between this comment and the next key.
_OPTIONS = re.compile(
    r"(?<=^  # Sections, written by tools/document_opc_host.py\n).*?(?=^extends_documentation_fragment:)",
    re.MULTILINE | re.DOTALL,
)
# O(name), O(name=value), O(name.other): a reference to an option of the same module.
_REFERENCE = re.compile(r"\bO\((?P<name>[a-z_]+)(?P<rest>[=.\[)])")
_WIDTH = 80


class Dumper(yaml.SafeDumper):
    """Block style as the other modules write it: lists are indented, lists of plain words are in one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


class Inline(list[Any]):
    """A list that is written in one line."""


Dumper.add_representer(
    Inline, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", list(data), flow_style=True)
)


def documentation(module: str) -> dict[str, Any]:
    """The DOCUMENTATION of a module, read without running it."""
    tree = ast.parse((MODULES / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "DOCUMENTATION" for name in node.targets):
            found: dict[str, Any] = yaml.safe_load(ast.literal_eval(node.value))
            return found
    raise SystemExit(f"{module} has no DOCUMENTATION")


def sections() -> Mapping[str, Any]:
    sys.path.insert(0, str(ROOT / ".build" / "collections"))
    from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import SECTIONS

    return SECTIONS


def section_option(name: str, section: Any) -> dict[str, Any]:
    """The documentation of one section: its options refer to each other as options of the section."""
    options = documentation(section.module)["options"]
    what = "A list of items with the options" if section.is_list else "Options"
    suboptions = prefixed(options, f"{name}[]" if section.is_list else name, frozenset(options))
    option = {"description": f"{what} of M(otsec.opc_dcom.{section.module}).", "type": "dict"}
    if section.is_list:
        option |= {"type": "list", "elements": "dict"}
    return {**option, "suboptions": suboptions}


def prefixed(value: Any, section: str, names: frozenset[str]) -> Any:
    """The documentation with every reference to one of `names` led through the section (``firewall[]``)."""
    if isinstance(value, dict):
        return {key: prefixed(item, section, names) for key, item in value.items()}
    if isinstance(value, list):
        items = [prefixed(item, section, names) for item in value]
        return Inline(items) if all(isinstance(item, str) and " " not in item for item in items) else items
    if isinstance(value, str):
        return _REFERENCE.sub(
            lambda match: f"O({section}.{match['name']}{match['rest']}" if match["name"] in names else match[0], value
        )
    return value


def generated(text: str) -> str:
    """The text of the module with its options as they should be."""
    options = {name: section_option(name, section) for name, section in sections().items()}
    dumped = yaml.dump(options, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    block = "".join(f"  {line}\n" if line else "\n" for line in dumped.splitlines())
    result, count = _OPTIONS.subn(lambda _: block, text)
    if count != 1:
        raise SystemExit(f"{TARGET} has no place for the sections")
    return result


def main() -> int:
    text = TARGET.read_text(encoding="utf-8")
    wanted = generated(text)
    if "--check" in sys.argv[1:]:
        return int(wanted != text)
    if wanted != text:
        TARGET.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

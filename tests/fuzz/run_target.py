# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzz one target with atheris, guided by the coverage of our code: ``run_target.py NAME FINDINGS ...``.

The other arguments are libFuzzer's. A finding does not end the run: the first input of each kind (exception and line)
is written into the directory FINDINGS, with its traceback beside it.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".build" / "collections"), str(ROOT / "tests")]

with atheris.instrument_imports(include=["ansible_collections.otsec"]):
    from fuzz.target import check
    from fuzz.targets import TARGETS


def main() -> None:
    name, findings = sys.argv[1], Path(sys.argv[2])
    target = TARGETS[name]
    known: set[tuple[str, str, int]] = set()

    def one(data: bytes) -> None:
        try:
            check(target, data)
        except Exception as error:  # noqa: BLE001 - whatever a target lets out is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = (type(error).__name__, Path(place.filename).name, place.lineno or 0)
            if kind not in known and len(known) < 50:
                known.add(kind)
                path = findings / f"{name}-{'-'.join(map(str, kind))}"
                path.write_bytes(data)
                path.with_name(f"{path.name}.txt").write_text(
                    traceback.format_exc(), encoding="utf-8", errors="replace"
                )

    atheris.Setup([sys.argv[0], f"-max_len={target.max_len}", *sys.argv[3:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event record as the XML that wevtutil prints: one line, attributes in single quotes, data in message order.

Source: dcom.md 6.2 (elements of a real 10036), outputs of `wevtutil qe /f:xml` that people published. Deviations: all
data stand in EventData, also those of 1102 and 104 that Windows puts in UserData; Correlation is always empty; control
characters become U+FFFD (what Windows does with them was not found).
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.sax.saxutils import escape

from ..subsystems.event_log import EventRecord

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def event_xml(record: EventRecord) -> str:
    """The event without a line end."""
    return f"<Event xmlns='{NAMESPACE}'><System>{_system(record)}</System>{_event_data(record)}</Event>"


def _system(record: EventRecord) -> str:
    event = record.event
    provider = {
        "Name": event.provider.name,
        "Guid": event.provider.guid,
        "EventSourceName": event.provider.event_source_name,
    }
    qualifiers = " Qualifiers='0'" if event.provider.event_source_name else ""
    user = f" UserID='{event.user_sid}'" if event.user_sid else ""
    return "".join(
        [
            f"<Provider{_attributes(provider)}/>",
            f"<EventID{qualifiers}>{event.event_id}</EventID>",
            f"<Version>{event.version}</Version><Level>{event.level}</Level>",
            f"<Task>{event.task}</Task><Opcode>{event.opcode}</Opcode>",
            f"<Keywords>{event.keywords:#x}</Keywords>",
            f"<TimeCreated SystemTime='{system_time(record.time)}'/>",
            f"<EventRecordID>{record.record_id}</EventRecordID><Correlation/>",
            f"<Execution ProcessID='{event.process_id}' ThreadID='{event.thread_id}'/>",
            f"<Channel>{_text(record.channel)}</Channel><Computer>{_text(record.computer)}</Computer>",
            f"<Security{user}/>",
        ]
    )


def _event_data(record: EventRecord) -> str:
    data = "".join(f"<Data{_attributes({'Name': name or ''})}>{_text(text)}</Data>" for name, text in record.event.data)
    return f"<EventData>{data}</EventData>"


def system_time(moment: datetime) -> str:
    """UTC with nine decimals, of which Windows fills seven: `2024-01-02T03:04:05.303038600Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"


def _attributes(values: dict[str, str]) -> str:
    return "".join(f" {name}='{_text(text)}'" for name, text in values.items() if text)


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text), {"'": "&apos;"})

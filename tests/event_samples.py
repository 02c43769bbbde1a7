# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events in the XML that wevtutil prints, built independently of the code that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

DCOM = "Microsoft-Windows-DistributedCOM"
AUDIT = "Microsoft-Windows-Security-Auditing"

# The form of a real 10036 (dcom.md 6.2, [10036X]), values replaced: double quotes, lines, names with blanks.
REAL_10036 = """<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">
 <System>
  <Provider Name="Microsoft-Windows-DistributedCOM" Guid="{1B562E86-B7AA-4131-BADC-B6F3A001407E}"
   EventSourceName="DCOM"/>
  <EventID Qualifiers="0">10036</EventID><Version>0</Version><Level>2</Level><Task>0</Task><Opcode>0</Opcode>
  <Keywords>0x8080000000000000</Keywords><TimeCreated SystemTime="2024-01-02T03:04:05.303038600Z"/>
  <EventRecordID>1001</EventRecordID><Correlation/><Execution ProcessID="1408" ThreadID="4400"/>
  <Channel>System</Channel><Computer>opcsrv01.example.net</Computer><Security UserID="S-1-5-21-1-2-3-1000"/>
 </System>
 <EventData>
  <Data Name="Domain Name">EXAMPLE</Data><Data Name="User Name">opcuser</Data>
  <Data Name="SID">S-1-5-21-1-2-3-1000</Data><Data Name="Client IP Address">10.0.0.12</Data>
 </EventData>
</Event>"""

# The form of a published 104 (User data below a provider's own element), values replaced.
CLEARED_SYSTEM = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Eventlog' Guid='{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}'/><EventID>104</EventID>"
    "<TimeCreated SystemTime='2024-01-02T03:00:00.0000000Z'/><EventRecordID>1000</EventRecordID>"
    "<Channel>System</Channel><Computer>opcsrv01</Computer><Security UserID='S-1-5-21-1-2-3-500'/></System>"
    "<UserData><LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'>"
    "<SubjectUserName>admin</SubjectUserName><SubjectDomainName>EXAMPLE</SubjectDomainName>"
    "<Channel>System</Channel><BackupPath></BackupPath></LogFileCleared></UserData></Event>"
)


def event_xml(
    event_id: int,
    data: Sequence[str | tuple[str, str]] = (),
    record_id: int = 1,
    provider: str = DCOM,
    time: str = "2024-01-02T03:04:05.0000000Z",
) -> str:
    """One event on one line with attributes in single quotes. Data without a name get param1, param2 .."""
    named = [(f"param{index}", item) if isinstance(item, str) else item for index, item in enumerate(data, 1)]
    items = "".join(f"<Data{f' Name={quoteattr(name)}' if name else ''}>{escape(text)}</Data>" for name, text in named)
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='{provider}' EventSourceName='DCOM'/><EventID Qualifiers='0'>{event_id}</EventID>"
        f"<TimeCreated SystemTime='{time}'/><EventRecordID>{record_id}</EventRecordID><Channel>System</Channel>"
        f"<Computer>gw01</Computer><Security/></System><EventData>{items}</EventData></Event>\r\n"
    )


def output(*events: str) -> str:
    """What `wevtutil qe /e:Events` prints."""
    return f"<Events>\r\n{''.join(events)}</Events>\r\n"

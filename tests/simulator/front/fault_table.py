# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults the simulated WinRM service can answer with: number, subcode, texts.

Numbers are those of the Windows SDK (wsmerror.h, winerror.h). Which subcode goes with which number was seen in captures
for CANNOT_PROCESS_FILTER, RESOURCE_NOT_FOUND, OPERATION_TIMED_OUT and MAX_OPERATIONS; the others follow MS-WSMV and the
SDK and are unverified. Texts are worded freely in both languages: nothing may depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCESS_DENIED = 5
INVALID_PARAMETER = 87
RESOURCE_NOT_FOUND = 2150858752
ACTION_NOT_SUPPORTED = 2150858753
INVALID_MESSAGE_INFORMATION_HEADER = 2150858767
MUST_UNDERSTAND = 2150858768
MESSAGE_INFORMATION_HEADER_REQUIRED = 2150858769
FILTER_DIALECT_UNAVAILABLE = 2150858777
CANNOT_PROCESS_FILTER = 2150858778
INVALID_ENUMERATION_CONTEXT = 2150858779
ENVELOPE_TOO_LARGE = 2150858790
INVALID_SOAP_BODY = 2150858791
OPERATION_TIMED_OUT = 2150858793
INVALID_OPTIONS = 2150858809
INVALID_RESOURCE_URI = 2150858811
INVALID_SELECTORS = 2150858813
SCHEMA_VALIDATION_ERROR = 2150858817
UNSUPPORTED_FEATURE = 2150858818
INVALID_XML = 2150858819
PARAMETER_TYPE_MISMATCH = 2150858836
INVALID_PARAMETER_NAME = 2150858837
INVALID_XML_VALUES = 2150858838
INVALID_XML_NAMESPACE = 2150858840
INSUFFICIENT_SELECTORS = 2150858842
UNEXPECTED_SELECTORS = 2150858843
DUPLICATE_SELECTORS = 2150858847
MIN_ENVELOPE_SIZE = 2150858878
INVALID_TIMEOUT_HEADER = 2150858881
LOCALE_NOT_UNDERSTOOD = 2150858887
SINGLETON_WITH_SELECTORS = 2150859002
WQL_NEEDS_STAR = 2150859003
WMI_PROVIDER_FAILURE = 2150859010
MAX_SHELLS = 2150859173
MAX_OPERATIONS = 2150859174
MAX_USER_QUOTA = 2150859175
MAX_COMMANDS_PER_SHELL = 2150859241

_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row. `subcode` is a prefixed name; `detail` the URI of w:FaultDetail; receiver: the service's own trouble."""

    subcode: str
    english: str
    german: str
    detail: str | None = None
    is_receiver: bool = False


FAULT_KINDS: dict[int, FaultKind] = {
    ACCESS_DENIED: FaultKind("w:AccessDenied", "Access is denied.", "Zugriff verweigert"),
    INVALID_PARAMETER: FaultKind("w:InvalidParameter", "The parameter is incorrect.", "Falscher Parameter."),
    RESOURCE_NOT_FOUND: FaultKind(
        "a:DestinationUnreachable",
        "The resource named by the request does not exist.",
        "Die angeforderte Ressource ist nicht vorhanden.",
        _DETAIL + "InvalidResourceURI",
    ),
    ACTION_NOT_SUPPORTED: FaultKind(
        "a:ActionNotSupported",
        "The action is not supported by the service.",
        "Die Aktion wird vom Dienst nicht unterstützt.",
    ),
    INVALID_MESSAGE_INFORMATION_HEADER: FaultKind(
        "a:InvalidMessageInformationHeader", "A message header is not valid.", "Ein Nachrichtenkopf ist ungültig."
    ),
    MUST_UNDERSTAND: FaultKind(
        "s:MustUnderstand",
        "A header marked mustUnderstand was not understood.",
        "Ein mit mustUnderstand markierter Kopf wurde nicht verstanden.",
    ),
    MESSAGE_INFORMATION_HEADER_REQUIRED: FaultKind(
        "a:MessageInformationHeaderRequired", "A required header is missing.", "Ein erforderlicher Kopf fehlt."
    ),
    FILTER_DIALECT_UNAVAILABLE: FaultKind(
        "n:FilterDialectRequestedUnavailable",
        "The filter dialect is not supported.",
        "Der Filterdialekt wird nicht unterstützt.",
    ),
    CANNOT_PROCESS_FILTER: FaultKind(
        "n:CannotProcessFilter",
        "The data source could not process the filter.",
        "Die Datenquelle konnte den Filter nicht verarbeiten.",
    ),
    INVALID_ENUMERATION_CONTEXT: FaultKind(
        "n:InvalidEnumerationContext",
        "The enumeration context is not valid; it may have expired.",
        "Der Enumerationskontext ist ungültig oder abgelaufen.",
    ),
    ENVELOPE_TOO_LARGE: FaultKind(
        "w:EncodingLimit",
        "The answer is larger than the envelope size the request allows.",
        "Die Antwort ist größer als die in der Anforderung erlaubte Nachrichtengröße.",
        _DETAIL + "MaxEnvelopeSizeExceeded",
    ),
    INVALID_SOAP_BODY: FaultKind(
        "w:SchemaValidationError", "The body of the message is not valid.", "Der Nachrichtentext ist ungültig."
    ),
    OPERATION_TIMED_OUT: FaultKind(
        "w:TimedOut",
        "The operation did not complete within OperationTimeout.",
        "Der Vorgang wurde nicht innerhalb von OperationTimeout abgeschlossen.",
        is_receiver=True,
    ),
    INVALID_OPTIONS: FaultKind("w:InvalidOptions", "An option is not valid.", "Eine Option ist ungültig."),
    INVALID_RESOURCE_URI: FaultKind(
        "a:DestinationUnreachable",
        "The resource URI is missing or malformed.",
        "Der Ressourcen-URI fehlt oder ist falsch aufgebaut.",
        _DETAIL + "InvalidResourceURI",
    ),
    INVALID_SELECTORS: FaultKind("w:InvalidSelectors", "The selectors are not valid.", "Die Selektoren sind ungültig."),
    SCHEMA_VALIDATION_ERROR: FaultKind(
        "w:SchemaValidationError",
        "The message does not match its schema.",
        "Die Nachricht entspricht nicht ihrem Schema.",
    ),
    UNSUPPORTED_FEATURE: FaultKind(
        "w:UnsupportedFeature", "The feature is not supported.", "Die Funktion wird nicht unterstützt."
    ),
    INVALID_XML: FaultKind(
        "w:SchemaValidationError", "The message is not well-formed XML.", "Die Nachricht ist kein wohlgeformtes XML."
    ),
    PARAMETER_TYPE_MISMATCH: FaultKind(
        "w:InvalidParameter",
        "A value does not have the type of its parameter.",
        "Ein Wert hat nicht den Typ seines Parameters.",
    ),
    INVALID_PARAMETER_NAME: FaultKind(
        "w:InvalidParameter",
        "The request names a parameter that does not exist.",
        "Die Anforderung nennt einen Parameter, den es nicht gibt.",
    ),
    INVALID_XML_VALUES: FaultKind(
        "w:SchemaValidationError",
        "The number of values does not fit the parameter.",
        "Die Anzahl der Werte passt nicht zum Parameter.",
    ),
    INVALID_XML_NAMESPACE: FaultKind(
        "w:SchemaValidationError",
        "An element is in the wrong namespace.",
        "Ein Element liegt im falschen Namensraum.",
    ),
    INSUFFICIENT_SELECTORS: FaultKind("w:InvalidSelectors", "A selector is missing.", "Ein Selektor fehlt."),
    UNEXPECTED_SELECTORS: FaultKind(
        "w:InvalidSelectors",
        "The request has selectors the resource does not know.",
        "Die Anforderung enthält Selektoren, die die Ressource nicht kennt.",
    ),
    DUPLICATE_SELECTORS: FaultKind(
        "w:InvalidSelectors", "A selector occurs more than once.", "Ein Selektor kommt mehrfach vor."
    ),
    MIN_ENVELOPE_SIZE: FaultKind(
        "w:EncodingLimit",
        "MaxEnvelopeSize must be at least 8192.",
        "MaxEnvelopeSize muss mindestens 8192 sein.",
        _DETAIL + "MinimumEnvelopeLimit",
    ),
    INVALID_TIMEOUT_HEADER: FaultKind(
        "a:InvalidMessageInformationHeader", "OperationTimeout is not valid.", "OperationTimeout ist ungültig."
    ),
    LOCALE_NOT_UNDERSTOOD: FaultKind(
        "w:UnsupportedFeature",
        "Locale cannot be required.",
        "Locale kann nicht verlangt werden.",
        _DETAIL + "Locale",
    ),
    SINGLETON_WITH_SELECTORS: FaultKind(
        "w:InvalidSelectors",
        "The class is a singleton and takes no selectors.",
        "Die Klasse ist ein Singleton und kennt keine Selektoren.",
    ),
    WQL_NEEDS_STAR: FaultKind(
        "a:DestinationUnreachable",
        "A WQL filter needs a resource URI that ends in /*.",
        "Ein WQL-Filter braucht einen Ressourcen-URI, der auf /* endet.",
    ),
    WMI_PROVIDER_FAILURE: FaultKind(
        "w:InternalError",
        "The WMI provider could not perform the operation.",
        "Der WMI-Anbieter konnte den Vorgang nicht ausführen.",
        is_receiver=True,
    ),
    MAX_SHELLS: FaultKind(
        "w:QuotaLimit",
        "This user has reached the maximum number of shells.",
        "Dieser Benutzer hat die höchste Anzahl von Shells erreicht.",
        is_receiver=True,
    ),
    MAX_OPERATIONS: FaultKind(
        "w:InternalError",
        "This user has reached the maximum number of concurrent operations.",
        "Dieser Benutzer hat die höchste Anzahl gleichzeitiger Vorgänge erreicht.",
        is_receiver=True,
    ),
    MAX_USER_QUOTA: FaultKind(
        "w:QuotaLimit",
        "This user has exceeded a quota.",
        "Dieser Benutzer hat ein Kontingent überschritten.",
        is_receiver=True,
    ),
    MAX_COMMANDS_PER_SHELL: FaultKind(
        "w:QuotaLimit",
        "The shell has reached the maximum number of commands.",
        "Die Shell hat die höchste Anzahl von Befehlen erreicht.",
        is_receiver=True,
    ),
}

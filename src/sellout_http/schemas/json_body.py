"""Reads the body of a request: strict JSON (RFC 8259), then a Struct. An error names every fault
(docs/http-contract.md#bodies).
"""

import enum
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeVar, get_args
from urllib.parse import quote

import attrs
import msgspec

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_http.problems.details import Refused

B = TypeVar("B", bound=msgspec.Struct)
_Path = tuple[str | int, ...]
MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 1000
MAX_FAULTS: Final = 100


@attrs.frozen
class BodyLimits:
    """The limits of a body.

    Attributes:
        size: The size in bytes.
        values: The number of values.
        parts: The member whose items the handler reads with `read_part`, which checks their texts. None: there is none.
    """

    size: int = MAX_BYTES
    values: int = MAX_VALUES
    parts: str | None = None


USUAL: Final = BodyLimits()

# An unterminated string matches up to the end of the body, so each byte is read once.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_UTF_8: Final = r'[ \t]*(?:;[ \t]*(?:charset=("?)utf-8\1[ \t]*)?)*'
_JSON_TYPE: Final = re.compile(f"application/json{_UTF_8}", re.IGNORECASE)
_PATCH_TYPE: Final = re.compile(rf"application/(?:merge-patch\+)?json{_UTF_8}", re.IGNORECASE)
_PLACE: Final = re.compile(r" - at `\$(.*)`$")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")
_TYPE_NAMES: Final = {
    "int": "an integer",
    "str": "a string",
    "bool": "a boolean",
    "float": "a number with a fraction",
    "array": "an array",
    "object": "an object",
    "date": "a date",
}
_LIMIT_CODES: Final = (
    ("`array` of length >= ", FieldCode.TOO_FEW),
    ("`array` of length <= ", FieldCode.TOO_MANY),
    ("`str` of length >= ", FieldCode.TOO_SHORT),
    ("`str` of length <= ", FieldCode.TOO_LONG),
    ("` >= ", FieldCode.OUT_OF_RANGE),
    ("` <= ", FieldCode.OUT_OF_RANGE),
    ("out of range", FieldCode.OUT_OF_RANGE),
    ("RFC 3339", FieldCode.MALFORMED),
    ("", FieldCode.WRONG_TYPE),
)
"""The code of each message of msgspec, by a part of the message. The empty part stands for all other messages."""

_UNKNOWN_MEMBER: Final = Fault("is not known here", FieldCode.UNKNOWN_MEMBER)
_text_fault = values.text(MAX_BYTES)


def read_body(
    body: type[B],
    content: bytes,
    content_types: Sequence[str],
    codings: Sequence[str],
    *,
    is_patch: bool = False,
    limits: BodyLimits = USUAL,
) -> B:
    """Reads a body.

    Args:
        body: The type of the body.
        content: The bytes of the body.
        content_types: All values of `Content-Type`.
        codings: All values of `Content-Encoding`.
        is_patch: Whether the body is a merge patch (RFC 7396). Its type may also be `application/merge-patch+json`.
        limits: The limits of the body. The server has checked its size.

    Raises:
        Refused: the content is not one JSON document in UTF-8 without repeated members, or is deeper than 32 levels or
            has too many values.
        InvalidFields: the JSON is not such a body. Names at least one fault, and at most 100 with JSON pointers of
            64 KiB.
    """
    expected = _PATCH_TYPE if is_patch else _JSON_TYPE
    if len(content_types) != 1 or expected.fullmatch(content_types[0].strip(" \t")) is None:
        raise Refused("unsupported_media_type")
    if any(coding.strip().lower() not in {"", "identity"} for coding in codings):
        raise Refused("unsupported_media_type")
    document = _read_json(content, limits.values)
    # A fault in an item of `parts` refuses that item alone.
    faults = {path: fault for path, fault in _faults_in_texts(document).items() if path[:1] != (limits.parts,)}
    if not isinstance(document, dict):
        raise InvalidFields((InvalidField("#", "must be an object", FieldCode.WRONG_TYPE),))
    if not faults:
        with suppress(msgspec.ValidationError):
            return msgspec.convert(document, body)
    raise InvalidFields(tuple(_invalid_fields(faults | _faults_in_members(body, document, faults))))


def read_part(body: type[B], document: Mapping[str, Any], place: _Path) -> B:
    """Reads a part of a body that was read as an object.

    Raises:
        InvalidFields: the part is not such a body. The pointers begin with `place`.
    """
    faults = _faults_in_texts(document)
    if not faults:
        with suppress(msgspec.ValidationError):
            return msgspec.convert(document, body)
    faults |= _faults_in_members(body, document, faults)
    raise InvalidFields(tuple(_invalid_fields({(*place, *path): fault for path, fault in faults.items()})))


def _read_json(content: bytes, most: int) -> Any:
    """A JSON document from its bytes.

    Raises:
        Refused: the content is not JSON, repeats a member, or has too many values.
    """
    # Parsing takes time for each value, so values are counted first. Each follows a comma or an opening bracket.
    outside_strings = _STRING.sub(b"", content, count=2 * most)
    if sum(map(outside_strings.count, (b",", b"[", b"{"))) >= most:
        raise Refused("malformed_json", f"The body holds more than {most} values.")
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise Refused("malformed_json", "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused("malformed_json", f"The body is not JSON: {error.msg} ({where}).") from None
    except RecursionError:
        raise Refused("malformed_json", _TOO_DEEP) from None
    except ValueError:
        # The only other ValueError: Python's limit on the digits of a number.
        raise Refused("malformed_json", "The body holds a number with too many digits.") from None


_TOO_DEEP: Final = f"The body nests deeper than {MAX_DEPTH} levels."


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(members)
    if len(document) != len(members):
        raise Refused("malformed_json", "An object in the body repeats a member.")
    return document


def _refuse_constant(name: str) -> None:
    raise Refused("malformed_json", f"The body holds {name}, which is not JSON.")


def _faults_in_texts(document: Any) -> dict[_Path, Fault]:
    """The faults of all texts in a document, including the names of members.

    Raises:
        Refused: the document nests too deeply.
    """
    faults: dict[_Path, Fault] = {}
    found: list[tuple[_Path, Any]] = [((), document)]
    while found:
        path, value = found.pop()
        if isinstance(value, str):
            if (fault := _text_fault(value)) is not None:
                faults[path] = fault
        elif isinstance(value, dict | list):
            if len(path) == MAX_DEPTH:
                raise Refused("malformed_json", _TOO_DEEP)
            for name, member in value.items() if isinstance(value, dict) else enumerate(value):
                found.append(((*path, name), member))
                if isinstance(name, str):
                    found.append(((*path, name), name))
    return faults


def _pointer(*path: str | int) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6)."""
    escaped = (str(name).replace("~", "~0").replace("/", "~1") for name in path)
    return "/".join(["#", *(quote(name, safe="~", errors="replace") for name in escaped)])


def _faults_in_members(
    body: type[msgspec.Struct], document: Mapping[str, Any], known: Collection[_Path]
) -> dict[_Path, Fault]:
    """The faults of the members of a body, except those at the place of a known fault."""
    faults: dict[_Path, Fault] = {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(body)}
    # A text that cannot be encoded makes the conversion of its member fail.
    known_members = {path[0] for path in known if path}
    for name, field in fields.items():
        if name in document and name not in known_members:
            try:
                msgspec.convert(document[name], field.type)
            except msgspec.ValidationError as error:
                place, fault = _explained(str(error), field.type)
                faults[name, *place] = fault
        elif field.required and name not in document:
            faults[name,] = Fault("is missing", FieldCode.REQUIRED)
    return faults | {(name,): _UNKNOWN_MEMBER for name in document if name not in fields}


def _invalid_fields(faults: Mapping[_Path, Fault]) -> Iterator[InvalidField]:
    """The faults with JSON pointers: at least one, at most `MAX_FAULTS`, with pointers of at most `MAX_BYTES`."""
    length = 0
    for path, fault in islice(faults.items(), MAX_FAULTS):
        pointer = _pointer(*path)
        length += len(pointer)
        if length > MAX_BYTES and length > len(pointer):
            return
        yield InvalidField(pointer, fault.reason, fault.code)


def _explained(message: str, wanted: Any) -> tuple[_Path, Fault]:
    """The place of an invalid value, relative to its member, and the fault in terms of JSON."""
    match = _PLACE.search(message)
    place: _Path = tuple(name or int(index) for name, index in _STEP.findall(match[1])) if match else ()
    said = _PLACE.sub("", message)
    if missing := _MISSING.match(said):
        return (*place, missing[1]), Fault("is missing", FieldCode.REQUIRED)
    if unknown := _UNKNOWN.match(said):
        return (*place, unknown[1]), _UNKNOWN_MEMBER
    if message.startswith("Invalid enum value"):
        return place, Fault("must be one of " + ", ".join(_choices(wanted)), FieldCode.NOT_ONE_OF)
    message = message.replace("Invalid RFC3339 encoded date", "Expected a date (RFC 3339), such as 2026-01-31")
    reason = _PLACE.sub("", message).replace("Expected", "must be").replace(", got", ", is")
    reason = re.sub(r"`([^`]*)`", lambda names: _in_json(names[1]), reason)
    return place, Fault(reason, next(code for part, code in _LIMIT_CODES if part in message))


def _choices(wanted: Any) -> list[str]:
    """The values of the enums in a type."""
    if isinstance(wanted, enum.EnumMeta):
        members: Iterable[enum.Enum] = wanted
        return [str(member.value) for member in members]
    return [choice for part in get_args(wanted) for choice in _choices(part)]


def _in_json(names: str) -> str:
    return " or ".join(_TYPE_NAMES.get(name, name) for name in names.split(" | "))

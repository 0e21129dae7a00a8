"""Reading a request's body: JSON as strict as RFC 8259 allows, then a Struct, naming everything wrong with it
(docs/http-contract.md#bodies).
"""

import enum
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final, TypeVar, get_args
from urllib.parse import quote

import msgspec

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_http.problems.details import Refused

B = TypeVar("B", bound=msgspec.Struct)

_Path = tuple[str | int, ...]

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 32
MAX_FAULTS: Final = 100

_JSON_TYPE: Final = re.compile(r'application/json[ \t]*(?:;[ \t]*(?:charset=("?)utf-8\1[ \t]*)?)*', re.IGNORECASE)
_PLACE: Final = re.compile(r" - at `\$(.*)`$")
_INDEX: Final = re.compile(r"\[(\d+)\]")
_TYPE_NAMES: Final = {
    "int": "an integer",
    "str": "a string",
    "bool": "a boolean",
    "float": "a number with a fraction",
    "array": "an array",
    "object": "an object",
}
_LIMIT_CODES: Final = (
    ("`array` of length >= ", FieldCode.TOO_FEW),
    ("`array` of length <= ", FieldCode.TOO_MANY),
    ("`str` of length >= ", FieldCode.TOO_SHORT),
    ("`str` of length <= ", FieldCode.TOO_LONG),
    ("` >= ", FieldCode.OUT_OF_RANGE),
    ("` <= ", FieldCode.OUT_OF_RANGE),
    ("out of range", FieldCode.OUT_OF_RANGE),
    ("", FieldCode.WRONG_TYPE),
)
"""By a part of msgspec's messages about a limit; the empty one is in every other message, which is about a type."""

_fault_in_text = values.text(MAX_BYTES)


def read_body(body: type[B], content: bytes, content_types: Sequence[str], codings: Sequence[str]) -> B:
    """A body read from a request's bytes and its Content-Type and Content-Encoding headers.

    Raises:
        Refused: it is not one JSON document in UTF-8 without repeated members and over 32 levels.
        InvalidFields: it is JSON, and no such body; up to 100 faults are named by JSON pointers, which take no more
            than 64 KiB, if there are more than one.
    """
    if len(content_types) != 1 or _JSON_TYPE.fullmatch(content_types[0].strip(" \t")) is None:
        raise Refused("unsupported_media_type")
    if any(coding.strip().lower() not in {"", "identity"} for coding in codings):
        raise Refused("unsupported_media_type")
    document = read_json(content)
    if not isinstance(document, dict):
        raise InvalidFields((InvalidField("#", "must be an object", FieldCode.WRONG_TYPE),))
    return _convert(body, document)


def read_json(content: bytes) -> Any:
    """A JSON document from its bytes.

    Raises:
        Refused: it is none, repeats a member, or nests deeper than 32 levels.
    """
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise Refused("malformed_json", "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused("malformed_json", f"The body is not JSON: {error.msg} ({where}).") from None
    except RecursionError:
        raise Refused("malformed_json", _TOO_DEEP) from None
    except ValueError:
        # Left of ValueError: Python's own limit on the digits of a number.
        raise Refused("malformed_json", "The body holds a number with too many digits.") from None
    if any(depth > MAX_DEPTH for depth, _, _ in _walk(document)):
        raise Refused("malformed_json", _TOO_DEEP)
    return document


_TOO_DEEP: Final = f"The body nests deeper than {MAX_DEPTH} levels."


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(members)
    if len(document) != len(members):
        raise Refused("malformed_json", "An object in the body repeats a member.")
    return document


def _refuse_constant(name: str) -> None:
    raise Refused("malformed_json", f"The body holds {name}, which JSON has not.")


def _walk(document: Any) -> Iterator[tuple[int, _Path, Any]]:
    """Every value with its depth (containers count) and path; the names of members stand as values too."""
    found: list[tuple[int, _Path, Any]] = [(0, (), document)]
    while found:
        depth, path, value = found.pop()
        if isinstance(value, dict | list):
            depth += 1
            yield depth, path, value
            if depth <= MAX_DEPTH:
                members = value.items() if isinstance(value, dict) else enumerate(value)
                found += [(depth, (*path, name), member) for name, member in members]
                found += [(depth, (*path, name), name) for name, _ in members if isinstance(name, str)]
        else:
            yield depth, path, value


def _pointer(*path: str | int) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6)."""
    escaped = (str(name).replace("~", "~0").replace("/", "~1") for name in path)
    return "/".join(["#", *(quote(name, safe="~", errors="replace") for name in escaped)])


_fields: Final = cache(msgspec.structs.fields)


def _convert(body: type[B], document: dict[str, Any]) -> B:
    faults: dict[_Path, Fault] = {
        path: fault
        for _, path, value in _walk(document)
        if isinstance(value, str) and (fault := _fault_in_text(value)) is not None
    }
    members = {}
    for field in _fields(body):
        name = field.encode_name
        if (name,) in faults:
            # Text at fault is not even compared: msgspec fails to compare a lone surrogate with the values of an enum.
            continue
        if name in document:
            try:
                members[field.name] = msgspec.convert(document[name], field.type, strict=True)
            except msgspec.ValidationError as error:
                place, fault = _explained(str(error), field.type)
                faults.setdefault((name, *place), fault)
        elif field.required:
            faults[name,] = Fault("is missing", FieldCode.REQUIRED)
    known = {field.encode_name for field in _fields(body)}
    unknown = Fault("is not known here", FieldCode.UNKNOWN_MEMBER)
    faults |= {(name,): unknown for name in document if name not in known}
    if faults:
        raise InvalidFields(tuple(_named(faults)))
    return body(**members)


def _named(faults: Mapping[_Path, Fault]) -> Iterator[InvalidField]:
    """As many as an answer has room for, one at least."""
    length = 0
    for path, fault in islice(faults.items(), MAX_FAULTS):
        pointer = _pointer(*path)
        length += len(pointer)
        if length > MAX_BYTES and length > len(pointer):
            return
        yield InvalidField(pointer, fault.reason, fault.code)


def _explained(message: str, wanted: Any) -> tuple[Sequence[int], Fault]:
    """The place of a wrong value, relative to its member, and the reason in words of JSON."""
    match = _PLACE.search(message)
    place = list(map(int, _INDEX.findall(match[1]))) if match else []
    if message.startswith("Invalid enum value"):
        return place, Fault("must be one of " + ", ".join(_choices(wanted)), FieldCode.NOT_ONE_OF)
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

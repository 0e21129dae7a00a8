"""The samples of the original API documentation, as examples for the OpenAPI document."""

import functools
import json
import re
from importlib import resources
from typing import Any


def find(method: str, path: str) -> dict[str, Any]:
    """The documented samples of a method and a path such as `/user/{user_id}`: `request` and `response`, each None if
    there is no sample. Empty: the method and path are not documented.
    """
    return _documented().get((method, path), {})


def answer(method: str, path: str) -> Any:
    """The documented sample of a response.

    Raises:
        KeyError: the method and path are not documented.
    """
    return find(method, path)["response"]


@functools.cache
def _documented() -> dict[tuple[str, str], dict[str, Any]]:
    text = resources.files("sellout_http.schemas").joinpath("documented.json").read_text(encoding="utf-8")
    sections = json.loads(text)
    return {
        (section["method"], "/" + re.sub(r"<(\w+)>", r"{\1}", section["path"])): {
            "request": section.get("request"),
            "response": _without_passwords(section.get("response")),
        }
        for section in sections
    }


def _without_passwords(document: Any) -> Any:
    """The document without the password hashes of three samples, which no response contains."""
    if isinstance(document, dict):
        return {name: _without_passwords(member) for name, member in document.items() if name != "password"}
    if isinstance(document, list):
        return [_without_passwords(item) for item in document]
    return document

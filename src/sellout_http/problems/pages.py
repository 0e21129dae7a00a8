"""The pages that `type` of problem documents links to, in English and Russian: plain HTML, without scripts."""

import html
import re
from functools import cache
from typing import Final

from sellout_core.errors import NotFound
from sellout_http.problems.details import PAGES
from sellout_http.problems.problem_type import ProblemType
from sellout_http.problems.types import PROBLEM_TYPES

_STYLE: Final = "body{font:1rem/1.5 sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of these pages."""


@cache
def list_page() -> str:
    """The page that lists all problems."""
    rows = "".join(
        f'<li><a href="{PAGES}/{code}"><code>{code}</code></a> {kind.status}: {_text(kind.title)} / '
        f'<span lang="ru">{_text(kind.russian_title)}</span></li>'
        for code, kind in PROBLEM_TYPES.items()
    )
    return _html_page("Problems", f'<h1>Problems / <span lang="ru">Ошибки</span></h1><ul>{rows}</ul>')


@cache
def explanation_page(code: str) -> str:
    """The page that explains a problem.

    Raises:
        NotFound: there is no problem with that code.
    """
    kind = PROBLEM_TYPES.get(code)
    if kind is None:
        raise NotFound
    return _html_page(kind.title, _explanation(code, kind))


def _explanation(code: str, kind: ProblemType) -> str:
    return (
        f"<h1>{_text(kind.title)}</h1><p><code>{code}</code>, HTTP {kind.status}</p><p>{_text(kind.english)}</p>"
        f'<div lang="ru"><h2>{_text(kind.russian_title)}</h2><p>{_text(kind.russian)}</p></div>'
        f'<p><a href="{PAGES}">All problems / <span lang="ru">Все ошибки</span></a></p>'  # noqa: RUF001 - Russian
    )


def _html_page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)} - SellOut</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _text(words: str) -> str:
    """Escaped text. Text between backticks becomes code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(words))

"""The pages that a problem document's `type` leads to, in English and Russian: plain HTML, without scripts."""

import html
import re
from typing import Final

from sellout_core.errors import NotFound
from sellout_http.problems.details import PAGES
from sellout_http.problems.types import KINDS, Kind

_STYLE: Final = "body{font:1rem/1.5 sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy these pages need."""


def index() -> str:
    """The page that lists every problem."""
    rows = "".join(
        f'<li><a href="{PAGES}/{code}"><code>{code}</code></a> {kind.status}: {_text(kind.title)} / '
        f'<span lang="ru">{_text(kind.russian_title)}</span></li>'
        for code, kind in KINDS.items()
    )
    return _page("Problems", f'<h1>Problems / <span lang="ru">Ошибки</span></h1><ul>{rows}</ul>')


def page(code: str) -> str:
    """The page that explains one problem.

    Raises:
        NotFound: there is no problem of that code.
    """
    kind = KINDS.get(code)
    if kind is None:
        raise NotFound
    return _page(kind.title, _explanation(code, kind))


def _explanation(code: str, kind: Kind) -> str:
    return (
        f"<h1>{_text(kind.title)}</h1><p><code>{code}</code>, HTTP {kind.status}</p><p>{_text(kind.english)}</p>"
        f'<div lang="ru"><h2>{_text(kind.russian_title)}</h2><p>{_text(kind.russian)}</p></div>'
        f'<p><a href="{PAGES}">All problems / <span lang="ru">Все ошибки</span></a></p>'  # noqa: RUF001 - Russian
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)} - SellOut</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _text(words: str) -> str:
    """Escaped words; what stands between backticks is code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(words))

"""The pages of the demo's made-up bank, on which a buyer pays or refuses: plain HTML, without scripts.

The address of a page has a secret that another site does not know, so no other site can press its buttons.
"""

import html
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol

import attrs
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.errors import NotFound
from sellout_core.fulfilment.money import OnlinePayment
from sellout_http.runtime.asgi import LOG_ENTRY
from sellout_http.runtime.executor import Executor, Workload

PATH: Final = "/sandbox"

_BUTTONS: Final[dict[str, Literal["pay", "refuse"]]] = {"pay": "pay", "refuse": "refuse"}
_STYLE: Final = "body{font:1rem/1.5 sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}form{display:inline}"
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}


class Bank(Protocol):
    """The payments of the made-up bank."""

    def find(self, reference: str) -> OnlinePayment | None:
        """The payment with that reference. None: there is none."""

    def press(self, payment: OnlinePayment, button: Literal["pay", "refuse"]) -> None:
        """Holds the amount, or refuses. Does nothing if the buyer has decided already."""


@attrs.frozen
class SandboxSite:
    """The routes of the bank's pages. `away` is where a buyer goes who does not pay."""

    _bank: Bank
    _executor: Executor
    _away: str = "/"

    async def show(self, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The page of a payment.

        Raises:
            NotFound: there is no such payment.
        """
        payment = await self._run(request, lambda: self._found(request))
        return ASGIResponse(body=_page(payment, self._away), media_type="text/html", headers=_HEADERS)

    async def press(self, request: Request[Any, Any, Any]) -> ASGIResponse:
        """Presses a button, and returns to the page.

        Raises:
            NotFound: there is no such payment or button.
        """
        button = _BUTTONS.get(request.path_params["button"])
        if button is None:
            raise NotFound
        payment = await self._run(request, lambda: self._pressed(request, button))
        return ASGIResponse(status_code=303, headers={"location": f"{PATH}/{payment.reference}", **_HEADERS})

    def routes(self) -> Sequence[tuple[str, Any, str]]:
        """The paths, the pages and their methods."""
        page = f"{PATH}/{{reference:str}}"
        return (page, self.show, "GET"), (f"{page}/{{button:str}}", self.press, "POST")

    async def _run(self, request: Request[Any, Any, Any], work: Callable[[], OnlinePayment]) -> OnlinePayment:
        scope: Any = request.scope
        return await self._executor.run(work, Workload.WRITE, scope[LOG_ENTRY])

    def _found(self, request: Request[Any, Any, Any]) -> OnlinePayment:
        payment = self._bank.find(request.path_params["reference"])
        if payment is None:
            raise NotFound
        return payment

    def _pressed(self, request: Request[Any, Any, Any], button: Literal["pay", "refuse"]) -> OnlinePayment:
        payment = self._found(request)
        self._bank.press(payment, button)
        return payment


def _page(payment: OnlinePayment, away: str) -> str:
    if payment.is_pending:
        forms = "".join(
            f'<form method="post" action="{PATH}/{payment.reference}/{name}"><button>{words}</button></form> '
            for name, words in (("pay", "Pay"), ("refuse", "Refuse"))
        )
        what = f'<p>{forms}<a href="{html.escape(away)}">Go away</a></p>'
    else:
        what = f"<p><strong>{_outcome(payment)}</strong></p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>Sandbox bank</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>'
        "<h1>Sandbox bank</h1><p>This is a demo. No money moves.</p>"
        f"<p>Order {payment.order_id}: {payment.amount:,} {html.escape(payment.currency)}</p>{what}</body></html>"
    )


def _outcome(payment: OnlinePayment) -> str:
    amounts = {
        "Held": payment.held,
        "Captured": payment.captured,
        "Released": payment.released,
        "Refunded": payment.refunded,
    }
    return (
        ". ".join(f"{name}: {amount:,}" for name, amount in amounts.items() if amount) or "Refused. Nothing was paid."
    )

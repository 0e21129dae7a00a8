"""The thread of a server that writes mails about orders and sends the mails of the outbox. Leases settle which of
several servers does so.
"""

import threading
from collections.abc import Sequence
from typing import Final

from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.mail import Mailer
from sellout_core.shop import Shop
from sellout_core.use_cases.events.order_mail import write_order_mails
from sellout_core.use_cases.events.services import subscribe_order_mail
from sellout_core.use_cases.mail import MailOutcome, send_next_mail
from sellout_http.runtime.logging import log
from sellout_http.tracing import use_case_span

_IDLE_SECONDS: Final = 1
_AFTER_ERROR_SECONDS: Final = 10


def send_until(shop: Shop, mailer: Mailer, stopped: threading.Event) -> None:
    """Sends mails that are due until `stopped` is set. A mail that is being sent then is finished."""
    is_subscribed = False
    while not stopped.is_set():
        try:
            if not is_subscribed:
                subscribe_order_mail(shop, OPERATOR)
                is_subscribed = True
            with use_case_span(write_order_mails.__name__):
                log_failures(write_order_mails(shop, OPERATOR))
            with use_case_span(send_next_mail.__name__):
                outcome = send_next_mail(shop, OPERATOR, mailer)
        except Unavailable:
            stopped.wait(_AFTER_ERROR_SECONDS)
        except Exception as error:  # noqa: BLE001 - one mail must not end the thread
            log.error("failed", exc_info=error)
            stopped.wait(_AFTER_ERROR_SECONDS)
        else:
            if outcome is None:
                stopped.wait(_IDLE_SECONDS)
            else:
                log_outcome(outcome)


def log_failures(reasons: Sequence[str | None]) -> None:
    """Logs why mails about changes of orders could not be written. `events list --to order-mail` names the events."""
    for reason in filter(None, reasons):
        log.warning("order mail", reason=reason)


def log_outcome(outcome: MailOutcome) -> None:
    """Logs what became of a mail, without the address."""
    write = log.info if outcome.result in {"sent", "unneeded"} else log.warning
    mail = outcome.mail
    reason = {"reason": outcome.reason} if outcome.reason else {}
    write("mail", mail=mail.id, template=str(mail.template), attempts=mail.attempts, result=outcome.result, **reason)

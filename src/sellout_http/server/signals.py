"""Signals in a worker: one stop, after the drain delay."""

import asyncio
import os
import signal
import threading
from contextlib import suppress
from typing import Final

from sellout_http.runtime.asgi import Application, Receive, Scope, Send
from sellout_http.site.health import Health

_SETTLE_SECONDS: Final = 0.25

_PARENT_SECONDS: Final = 0.5
"""How long a worker waits for its parent after a signal to the group. Two pending signals count as
one, so the parent's may never come.
"""

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


def hold_signals() -> None:
    """In a worker that has just been forked: signals are taken by a thread alone (`stopping_once`). One that came
    before there is one waits; it would meet the parent's handlers, or be lost between granian's own and its server.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def stopping_once(app: Application, health: Health, delay: int) -> Application:
    """The application, which stops by a signal once its event loop has served for a moment. SIGTERM makes it serve on
    for `delay` seconds, so that a load balancer notices; SIGINT does not wait.

    Granian must hear of it once: its handler can wait forever for what the first one holds. A group's Ctrl-C, or
    SIGTERM to the group, reaches a worker twice, as its parent passes the signal on.
    """

    def wait(loop: asyncio.AbstractEventLoop) -> None:
        received = signal.sigwaitinfo(_STOPPING)
        if received.si_signo == signal.SIGTERM:
            health.drain()
            received = signal.sigtimedwait({signal.SIGINT}, delay) or received
        if received.si_pid != os.getppid():
            # The signal went to the group. Granian takes a worker that ends before the parent told it to for lost.
            signal.sigtimedwait(_STOPPING, _PARENT_SECONDS)
        with suppress(RuntimeError):  # the event loop may have ended by itself
            loop.call_soon_threadsafe(stop)
        while True:
            signal.sigwait(_STOPPING)

    def stop() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def listen() -> None:
        threading.Thread(target=wait, args=(asyncio.get_running_loop(),), daemon=True).start()

    async def stopping(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().call_later(_SETTLE_SECONDS, listen)
        await app(scope, receive, send)

    return stopping

"""Signals in a worker: the worker stops once, after the drain delay."""

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
"""How long a worker waits for its parent's signal after a signal to the process group. The parent's signal may never
arrive, because two pending signals are one.
"""

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


def hold_signals() -> None:
    """Blocks signals in a newly forked worker, until the thread of `stopping_once` receives them. Otherwise an early
    signal would run the parent's handlers, or would be lost before granian's server runs.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def stopping_once(app: Application, health: Health, delay: int) -> Application:
    """Wraps an application so that a signal stops it. After SIGTERM it serves for `delay` more seconds, so that load
    balancers notice. SIGINT skips the delay.

    Granian gets one signal: if a second one interrupts its handler, the worker deadlocks. A signal to the process group
    reaches a worker twice, because the parent passes it on.
    """

    def wait(loop: asyncio.AbstractEventLoop) -> None:
        received = signal.sigwaitinfo(_STOPPING)
        health.drain()
        if received.si_signo == signal.SIGTERM:
            received = signal.sigtimedwait({signal.SIGINT}, delay) or received
        if received.si_pid != os.getppid():
            # The signal went to the group. Granian counts a worker that ends before the parent's signal as dead.
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

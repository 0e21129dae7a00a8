"""Answers a request with several parts under one idempotency key, so that a retry goes on after the last part."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Self

import attrs
import msgspec

from sellout_core.ports.store import Transaction
from sellout_core.use_cases.idempotency import answer_once
from sellout_core.values import UserId
from sellout_http.api.handler_context import WriteContext

__all__ = ["Once"]


@attrs.frozen
class Once:
    """Answers under one idempotency key."""

    _context: WriteContext
    _key: str
    _fingerprint: str

    @classmethod
    def of(cls, context: WriteContext, key: str, path: str, body: msgspec.Struct) -> Self:
        """The answers to a POST of that body to that path."""
        # A part that is refused may contain a lone surrogate, which `json` escapes.
        described = json.dumps(["POST", path, msgspec.to_builtins(body)])
        return cls(context, key, hashlib.sha256(described.encode()).hexdigest())

    def answer(
        self,
        place: str,
        work: Callable[[WriteContext], Any],
        about: Callable[[Transaction], UserId | None] | None = None,
    ) -> bytes:
        """The JSON of what `work` returns for the context inside the transaction that stores it.

        Args:
            place: The place of a part of the request. Empty: the whole request.
            work: Returns a document.
            about: As in `answer_once`.
        """
        key = f"{hashlib.sha256(self._key.encode()).hexdigest()}/{place}" if place else self._key
        context = self._context

        def run(tx: Transaction, _: object) -> bytes:
            return msgspec.json.encode(work(attrs.evolve(context, shop=context.shop.inside(tx))))

        return answer_once(context.shop, context.user_id, key, self._fingerprint, run, about)

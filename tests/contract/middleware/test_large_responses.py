"""Large responses that clients do not read: each client has a share of the memory for them."""

from sellout_http.middleware.forwarded_headers import ForwardedHeadersMiddleware, Proxies
from sellout_http.middleware.large_responses import CHUNK_BYTES, LargeResponseMiddleware
from sellout_http.runtime.asgi import Receive, Scope, Send
from tests.contract.api.test_lists import in_loop
from tests.contract.support.slow import SlowClient

BODY = bytes(range(256)) * (3 * CHUNK_BYTES // 256)


async def large(scope: Scope, _: Receive, send: Send) -> None:
    """An application that answers with three pieces, or with one at `/small`."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"access-control-allow-origin", b"*")]})
    body = BODY[:CHUNK_BYTES] if scope["path"] == "/small" else BODY
    await send({"type": "http.response.body", "body": body})


def app_of(most: int) -> ForwardedHeadersMiddleware:
    return ForwardedHeadersMiddleware(LargeResponseMiddleware(large, most), Proxies())


def test_a_large_body_is_sent_as_its_client_takes_it() -> None:
    async def scenario() -> None:
        held = SlowClient(app_of(len(BODY)), "/", "")
        assert await held.status() == 200
        first = await held.take()
        assert (first["body"], first["more_body"]) == (BODY[:CHUNK_BYTES], True)
        assert await held.rest_of_body() == BODY[CHUNK_BYTES:]

    in_loop(scenario)


def test_who_leaves_answers_untaken_gets_no_more_large_ones() -> None:
    """Small responses are sent. Large ones are sent again after the client has read the first."""

    async def scenario() -> None:
        app = app_of(2 * len(BODY))
        untaken = [SlowClient(app, "/", "") for _ in range(2)]
        assert [await held.status() for held in untaken] == [200, 200]
        assert {len((await held.next_message())["body"]) for held in untaken} == {CHUNK_BYTES}
        refused = SlowClient(app, "/", "")
        start = await refused.take()
        assert start["status"] == 429
        assert (b"access-control-allow-origin", b"*") in start["headers"]
        assert dict(start["headers"])[b"retry-after"] == b"1"
        assert b"too_many_requests" in await refused.rest_of_body()
        small = SlowClient(app, "/small", "")
        assert await small.status() == 200
        assert len(await small.rest_of_body()) == CHUNK_BYTES
        assert await untaken[0].rest_of_body() == BODY
        again = SlowClient(app, "/", "")
        assert await again.status() == 200
        assert await again.rest_of_body() == await untaken[1].rest_of_body() == BODY

    in_loop(scenario)


def test_the_answer_to_a_write_is_always_sent() -> None:
    """The write is already committed, and a refusal would say that nothing has changed."""

    async def scenario() -> None:
        app = app_of(len(BODY))
        untaken = SlowClient(app, "/", "")
        assert await untaken.status() == 200
        written = SlowClient(app, "/", "", method="POST")
        assert await written.status() == 200
        assert await written.rest_of_body() == await untaken.rest_of_body() == BODY

    in_loop(scenario)


def test_one_answer_is_never_too_large() -> None:
    async def scenario() -> None:
        held = SlowClient(app_of(1), "/", "")
        assert await held.status() == 200
        assert await held.rest_of_body() == BODY

    in_loop(scenario)

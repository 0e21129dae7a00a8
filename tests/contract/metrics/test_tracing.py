"""Spans of use cases and statements, recorded by OpenTelemetry's SDK."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sellout_adapters import demo
from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.session import tracing as statements
from sellout_core.ports.store import Store
from sellout_http import tracing
from tests.contract.sql.test_statement_budget import Lines
from tests.contract.support.requests import CHECKOUT
from tests.contract.support.shop import Served, log_in, serving_demo

ATTRIBUTES: Final = {"db.system.name", "db.query.text", "error.type"}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """The recorded spans."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for module in (tracing, statements):
        monkeypatch.setattr(module, "_tracer", provider.get_tracer("sellout"))
    return exporter


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def traced(store: Store, spans: InMemorySpanExporter, lines: Lines) -> Iterator[Served]:
    """The demo shop, whose log has the number of statements of each request."""
    with serving_demo(store, log=lines, upkeep_seconds=None) as served:
        spans.clear()
        yield served


def finished(spans: InMemorySpanExporter) -> tuple[list[ReadableSpan], list[ReadableSpan]]:
    """The spans of use cases and those of statements."""
    found = spans.get_finished_spans()
    of_statements = [span for span in found if "db.query.text" in (span.attributes or {})]
    return [span for span in found if span not in of_statements], of_statements


def test_a_use_case_has_a_span_and_its_statements_are_inside(
    traced: Served, spans: InMemorySpanExporter, lines: Lines, store: Store
) -> None:
    """The other statements find the session and the version of the catalogue."""
    headers = log_in(traced.client, demo.CUSTOMER)
    for method, path, body, name in (
        ("POST", "/user/login", {"username": demo.CUSTOMER, "password": demo.PASSWORD}, "log_in"),
        ("GET", "/order/cart/2", None, "show_cart"),
        ("POST", "/order/cart_add/2/3", None, "add_to_cart"),
        ("GET", "/order/user_orders/2", None, "list_user_orders"),
        ("GET", "/product/all/1", None, "show_page"),
    ):
        spans.clear()
        response = traced.client.request(method, path, headers=headers, json=body)
        assert response.is_success, response.text
        sent = lines.statements(response)
        [use_case], of_statements = finished(spans)
        assert (use_case.name, use_case.parent) == (name, None)
        assert use_case.context is not None
        inside = [span for span in of_statements if span.parent and span.parent.span_id == use_case.context.span_id]
        assert bool(inside) == isinstance(store, SqlStore)
        # The version of the catalogue may be known already.
        assert len(inside) <= len(of_statements) <= sent
        assert {span.name for span in of_statements} <= {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}


def test_each_statement_of_a_write_has_a_span(traced: Served, spans: InMemorySpanExporter, lines: Lines) -> None:
    headers = log_in(traced.client, demo.STAFF)
    spans.clear()
    response = traced.client.post("/order/checkout/1", json=CHECKOUT, headers=headers)
    assert response.status_code == 201, response.text
    assert len(finished(spans)[1]) == lines.statements(response)


def test_a_cached_document_has_no_span(traced: Served, spans: InMemorySpanExporter, store: Store) -> None:
    traced.client.get("/product/all/1")
    if isinstance(store, SqlStore):
        store.catalogue_version()
    spans.clear()
    traced.client.get("/product/all/1")
    assert finished(spans)[0] == []


def test_no_span_has_data_of_users_or_parameters(traced: Served, spans: InMemorySpanExporter) -> None:
    name, mail = "quince", "quince@mail.example"
    known = {"username": name, "password": "long quince words"}
    registered = traced.client.post("/user/register", json=known)
    assert registered.status_code == 201, registered.text
    assert traced.client.post("/user/login", json={**known, "password": "wrong words"}).status_code == 401
    headers = {"Authorization": f"Bearer {traced.client.post('/user/login', json=known).json()['access']}"}
    traced.client.get("/product/all/1", params={"q": "quince"})
    changed = traced.client.post("/user/email/3", json={"email": mail, "password": known["password"]}, headers=headers)
    assert changed.is_success, changed.text
    found = spans.get_finished_spans()
    written = " ".join(span.to_json() for span in found).lower()
    assert "quince" not in written
    assert {attribute for span in found for attribute in span.attributes or {}} <= ATTRIBUTES
    assert all(not span.events and not span.links for span in found)
    errors = [span for span in found if "error.type" in (span.attributes or {})]
    assert [(span.name, (span.attributes or {})["error.type"]) for span in errors] == [("log_in", "BadCredentials")]


def test_without_the_package_there_are_no_spans() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from sellout_adapters.sql.session.tracing import statement_span
from sellout_http.tracing import use_case_span
with use_case_span("check_out"), statement_span("sqlite", lambda: 1 / 0):
    print("done")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (ran.stdout, ran.stderr) == ("done\n", "")

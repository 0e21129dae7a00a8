"""Rows of the reference tables over HTTP: they are revalidated, and read from the cache of the store."""

from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event

from sellout_adapters import demo
from sellout_adapters.testing.scene import product_entry
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue import references
from sellout_core.use_cases.catalogue.products import create_product
from tests.contract.conftest import PERSISTENT
from tests.contract.sql.test_statement_budget import Lines
from tests.contract.support.shop import Served, demo_shop, log_in, problem_of, serving_shop, shop_over

BRAND: Final = ReferenceKind.BRAND


@pytest.mark.http
@pytest.mark.parametrize("kind", ReferenceKind)
def test_a_row_that_a_client_has_is_a_304(shared: Served, kind: ReferenceKind) -> None:
    path = f"/{kind.noun}/1"
    first = shared.client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    for sent in (first.headers["etag"], f'"another", {first.headers["etag"]}', "*"):
        again = shared.client.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert again.headers["vary"] == "authorization"
    assert shared.client.get(path, headers={"If-None-Match": '"another"'}).json() == first.json()
    absent = shared.client.get(f"/{kind.noun}/999", headers={"If-None-Match": "*"})
    problem_of(absent, 404, "not_found")


@pytest.mark.http
def test_a_row_with_a_token_is_whole_and_has_the_same_tag(shared: Served) -> None:
    tag = shared.client.get("/brand/1").headers["etag"]
    response = shared.client.get("/brand/1", headers={**log_in(shared.client, demo.STAFF), "If-None-Match": tag})
    assert (response.status_code, response.headers["etag"]) == (200, tag)
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.http
def test_a_changed_row_is_no_304(served: Served) -> None:
    tag = served.client.get("/brand/1").headers["etag"]
    change = references.ReferenceChange(name="Renamed")
    references.change_reference(served.shop, OPERATOR, BRAND, 1, change, lambda _: True)
    response = served.client.get("/brand/1", headers={"If-None-Match": tag})
    assert response.json()["name"] == "Renamed"
    assert response.headers["etag"] != tag


@pytest.mark.parametrize("kind", PERSISTENT)
def test_rows_come_from_the_cache_and_show_changes_of_other_processes(kind: str, tmp_path: Path) -> None:
    with PERSISTENT[kind](tmp_path) as store, PERSISTENT[kind](tmp_path) as other:
        shop, elsewhere = demo_shop(store), shop_over(other)
        sent: list[str] = []

        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            sent.append(statement)

        lines = Lines()
        with serving_shop(shop, log=lines) as served:
            brand = served.client.get("/brand/1").json()
            event.listen(store.engine, "before_cursor_execute", note)
            again = served.client.get("/brand/1")
            assert again.json() == brand
            assert lines.statements(again) == 1
            assert not any("brands" in statement for statement in sent)
            change = references.ReferenceChange(name="Renamed elsewhere")
            references.change_reference(elsewhere, OPERATOR, BRAND, 1, change, lambda _: True)
            assert served.client.get("/brand/1").json()["name"] == "Renamed elsewhere"
            created = create_product(elsewhere, OPERATOR, product_entry("new", brands=("Added elsewhere",)))
            added = created.brands[0].id
            assert served.client.get(f"/brand/{added}").json() == {"id": added, "name": "Added elsewhere"}

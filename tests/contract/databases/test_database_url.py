"""Database URLs with reserved characters in the password: the error has a hint, and no error repeats the password."""

import pytest

from tests.contract.support.command import Run, assert_fails

PARTS = ("hunter", "tail", "secret")
HINT = "percent-encode"


@pytest.mark.parametrize(
    "password",
    [
        "hunter@tail",
        "hunter@tail@secret",
        "hunter@tail:secret",
        "hunter@tail/secret",
        "hunter@tail?secret",
        "hunter@tail#secret",
    ],
)
@pytest.mark.parametrize("command", ["serve", "export", "migrate", "backup f"])
def test_an_at_sign_in_a_password_is_answered_with_a_hint(invoke: Run, command: str, password: str) -> None:
    """Otherwise the end of the password would be looked up as a host name."""
    done = invoke(*command.split(), "--database-url", f"postgresql://shop:{password}@127.0.0.1:1/shop")
    assert_fails(done, HINT)
    assert "%40" in done.stderr
    assert not [part for part in PARTS if part in done.stderr]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:hunter#tail@127.0.0.1:1/shop",
        "postgresql://shop:hunter%40tail@127.0.0.1:1/shop",
        "postgresql://shop:hunter:tail@127.0.0.1:1/shop",
        "postgresql://shop:hunter/tail@127.0.0.1:1/shop",
        "postgresql://shop:hunter#tail",
        "mysql://shop:hunter@tail@127.0.0.1/shop",
        "sqlite://shop:hunter@tail/shop.db",
        "postgresql://shop@127.0.0.1:1/shop?password=hunter",
    ],
)
def test_no_error_of_a_database_url_repeats_a_part_of_the_password(invoke: Run, url: str) -> None:
    done = invoke("migrate", "--database-url", url)
    assert_fails(done, "database")
    assert not [part for part in PARTS if part in done.stderr]

"""The laws of one's own account, on the store in memory: the unit tests cover the core without a database."""

import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.laws.people.deleted_buyers import DeletedBuyerLaws
from sellout_adapters.testing.laws.people.deletion import DeletionLaws
from sellout_adapters.testing.laws.people.own_account import ProfileLaws
from sellout_adapters.testing.laws.people.sessions import SessionListLaws
from sellout_adapters.testing.scene import Scene
from sellout_core.errors import InvalidFields
from sellout_core.people.session_origins import SessionOrigin
from sellout_core.use_cases.people.account.profile import ProfileChange


class TestOwnAccount(DeletedBuyerLaws, DeletionLaws, ProfileLaws, SessionListLaws):
    """The laws."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def scene(self, store: MemoryStore) -> Scene:
        return Scene(store)


def test_a_profile_names_every_member_out_of_its_limits() -> None:
    with pytest.raises(InvalidFields) as refusal:
        ProfileChange(first_name="x" * 151, last_name="\0", telephone="1" * 16, preferred_size_grid="XX")
    assert [field.name for field in refusal.value.fields] == [
        *("first_name", "last_name", "telephone", "preferred_size_grid")
    ]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("", ""),
        ("unix socket", ""),
    ],
)
def test_a_session_knows_no_more_than_the_network(address: str, network: str) -> None:
    assert SessionOrigin.of("", address).network == network


def test_the_name_of_a_device_is_bounded() -> None:
    assert SessionOrigin.of("  Fire\0fox\n \x7f\xe9", "").device == "Firefox"
    assert SessionOrigin.of("x" * 10_000, "").device == "x" * 200
    with pytest.raises(InvalidFields) as refusal:
        SessionOrigin("x" * 201, "\0")
    assert [field.name for field in refusal.value.fields] == ["device", "network"]

"""How users change their own accounts."""

from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene
from sellout_core import errors
from sellout_core.catalogue.products import FEMALE
from sellout_core.people.accounts import OPERATOR, Actor, User
from sellout_core.people.user_search import UserQuery
from sellout_core.use_cases.people.account.profile import ProfileChange, change_profile
from sellout_core.use_cases.people.users import delete_address
from sellout_core.values import UserId


def stored(scene: Scene, user_id: UserId) -> User:
    """The user as stored."""
    return scene.store.read(lambda tx: tx.users.get_many([user_id])[user_id])


def change(scene: Scene, user_id: UserId, **changes: Any) -> User:
    """Changes the user's own profile in any version of it."""
    return change_profile(scene.shop, Actor(user_id), user_id, ProfileChange(**changes), lambda _: True).user


class ProfileLaws:
    """One's own profile."""

    def test_users_change_their_own_profile(self, scene: Scene) -> None:
        anna = scene.user("anna")
        before, address = stored(scene, anna), scene.address(anna)
        changes: dict[str, Any] = {
            "first_name": "Анна",
            "last_name": "Ы",
            "gender_id": FEMALE,
            "telephone": "+79990001122",
            "preferred_size_grid": "EU",
            "main_address_id": address,
        }
        after = change(scene, anna, **changes)
        assert after == stored(scene, anna) == attrs.evolve(before, addresses=after.addresses, **changes)
        assert change(scene, anna, **changes) == after
        found = scene.store.read(lambda tx: tx.users.search(UserQuery(text="7999000"), 0, 9))
        assert [user.id for user in found] == [anna]
        emptied = change(scene, anna, gender_id=None, telephone="", preferred_size_grid=None, main_address_id=None)
        assert (emptied.gender_id, emptied.telephone, emptied.preferred_size_grid, emptied.main_address_id) == (
            None,
            "",
            None,
            None,
        )

    def test_a_main_address_is_the_users_own(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        address = scene.address(boris)
        with pytest.raises(errors.UnknownAddress):
            change(scene, anna, main_address_id=address, first_name="Анна")
        assert stored(scene, anna).first_name == ""

    def test_a_deleted_address_is_no_main_address(self, scene: Scene) -> None:
        anna = scene.user("anna")
        first, second = scene.address(anna), scene.address(anna)
        change(scene, anna, main_address_id=first)
        delete_address(scene.shop, OPERATOR, anna, second)
        assert stored(scene, anna).main_address_id == first
        delete_address(scene.shop, OPERATOR, anna, first)
        assert stored(scene, anna).main_address_id is None

    def test_of_two_changes_of_a_profile_based_on_one_version_one_is_refused(self, scene: Scene) -> None:
        anna = scene.user("anna")
        known = stored(scene, anna)

        def alter(number: int) -> Any:
            new = ProfileChange(first_name=f"Anna {number}")
            return change_profile(scene.shop, Actor(anna), anna, new, lambda view: view.user == known)

        results = racing(RACERS, alter)
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1

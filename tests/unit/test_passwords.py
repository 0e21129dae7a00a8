"""The check of a password before a change."""

from typing import Any

import pytest

from sellout_adapters.testing.scene import PASSWORD
from sellout_core.errors import NotFound, WrongPassword
from sellout_core.use_cases.people.passwords import LockUser, with_password
from sellout_core.values import UserId
from tests.unit.shop_scene import Scene


@pytest.mark.parametrize("result", [None, False, 0, "", (), "done"])
def test_a_change_runs_once_whatever_it_returns(scene: Scene, result: Any) -> None:
    anna, calls = scene.person("anna"), []

    def change(locked: LockUser) -> Any:
        calls.append(scene.store.write(locked))
        return result

    assert with_password(scene.shop, anna.id, PASSWORD, change) == result
    assert [user.id for user in calls] == [anna.id]


def test_without_the_password_or_the_user_there_is_no_change(scene: Scene) -> None:
    anna = scene.person("anna")

    def change(_: LockUser) -> None:
        raise AssertionError

    with pytest.raises(WrongPassword):
        with_password(scene.shop, anna.id, "another", change)
    with pytest.raises(NotFound):
        with_password(scene.shop, UserId(999), PASSWORD, change)

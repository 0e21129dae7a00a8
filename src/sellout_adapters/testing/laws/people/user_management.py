"""Users as staff change them, and the sessions of users."""

from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import PASSWORD, Scene, whole_list
from sellout_core import errors
from sellout_core.audit import AuditQuery, FieldChange
from sellout_core.people.accounts import OPERATOR, Actor, User
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.people.account.sessions import end_sessions
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token
from sellout_core.use_cases.people.user_management import UserChange, change_user
from sellout_core.values import Percentage, UserId

SUPERUSER: dict[str, Any] = {"is_staff": True, "is_superuser": True}


def change(scene: Scene, actor: Actor, user_id: UserId, **changes: Any) -> User:
    """Changes a user in any version of them."""
    return change_user(scene.shop, actor, user_id, UserChange(**changes), lambda _: True).user


def superuser(scene: Scene, username: str) -> Actor:
    """Registers a superuser."""
    user_id = scene.user(username)
    scene.change_user(user_id, **SUPERUSER)
    return Actor(user_id, **SUPERUSER)


def active_superusers(scene: Scene) -> list[UserId]:
    """The active superusers by id."""
    return [user.id for user in scene.store.read(lambda tx: tx.users.after(0, 1_000)) if user.acts_as_superuser]


class UserManagementLaws:
    """Users as staff change them."""

    def test_staff_change_customers(self, scene: Scene) -> None:
        _, staff = scene.actor("staff", is_staff=True)
        anna = scene.user("anna")
        before = scene.store.read(lambda tx: tx.users.get_many([anna]))[anna]
        changes: dict[str, Any] = {
            "first_name": "Анна",
            "last_name": "",
            "personal_discount": Percentage(7),
            "preferred_size_grid": "EU",
        }
        after = change(scene, staff, anna, **changes)
        assert after == attrs.evolve(before, **changes)
        assert scene.store.read(lambda tx: tx.users.get_many([anna]))[anna] == after
        assert change(scene, staff, anna, preferred_size_grid=None).preferred_size_grid is None

    def test_a_deactivated_user_has_no_sessions(self, scene: Scene) -> None:
        _, staff = scene.actor("staff", is_staff=True)
        anna = scene.user("anna")
        claims = read_token(scene.shop, log_in(scene.shop, "anna", PASSWORD).access, "access")
        change(scene, staff, anna, is_active=False)
        with pytest.raises(errors.BadCredentials):
            log_in(scene.shop, "anna", PASSWORD)
        change(scene, staff, anna, is_active=True)
        with pytest.raises(errors.Unauthenticated):
            authenticate(scene.shop, claims)
        log_in(scene.shop, "anna", PASSWORD)

    def test_only_superusers_say_who_is_staff(self, scene: Scene) -> None:
        root = superuser(scene, "root")
        staff_id, staff = scene.actor("staff", is_staff=True)
        other_id, _ = scene.actor("other", is_staff=True)
        anna = scene.user("anna")
        for user_id, changes in (
            (anna, {"is_staff": True}),
            (anna, SUPERUSER),
            (other_id, {"first_name": "x"}),
            (other_id, {"is_active": False}),
            (root.user_id, {"is_superuser": False}),
        ):
            assert user_id is not None
            with pytest.raises(errors.Forbidden):
                change(scene, staff, user_id, **changes)
        assert change(scene, root, anna, is_staff=True).is_staff
        assert change(scene, root, anna, is_superuser=True).is_superuser
        assert not change(scene, root, other_id, is_active=False).is_active
        assert not change(scene, OPERATOR, staff_id, is_staff=False).is_staff
        assert active_superusers(scene) == sorted([root.user_id or 0, anna])

    def test_an_unchanged_right_needs_no_right(self, scene: Scene) -> None:
        """A form may send all its members."""
        _, staff = scene.actor("staff", is_staff=True)
        superuser(scene, "root")
        anna = scene.user("anna")
        change(scene, staff, anna, is_staff=False, is_superuser=False, is_active=True, last_name="New")

    @pytest.mark.parametrize(
        "own", [{"is_staff": False}, {"is_superuser": False}, {"is_active": False}, {"personal_discount": 1}]
    )
    def test_no_user_changes_their_own_rights(self, scene: Scene, own: dict[str, Any]) -> None:
        root = superuser(scene, "root")
        superuser(scene, "other")
        assert root.user_id is not None
        with pytest.raises(errors.Forbidden):
            change(scene, root, root.user_id, **own)
        assert change(scene, root, root.user_id, first_name="Root", **SUPERUSER).first_name == "Root"

    def test_staff_do_not_raise_themselves(self, scene: Scene) -> None:
        staff_id, staff = scene.actor("staff", is_staff=True)
        for own in ({"is_superuser": True}, {"personal_discount": Percentage(1)}):
            with pytest.raises(errors.Forbidden):
                change(scene, staff, staff_id, **own)

    def test_a_superuser_is_staff(self, scene: Scene) -> None:
        superuser(scene, "root")
        anna = scene.user("anna")
        with pytest.raises(errors.InvalidFields):
            change(scene, OPERATOR, anna, is_superuser=True)

    @pytest.mark.parametrize(
        "last", [{"is_superuser": False}, {"is_staff": False, "is_superuser": False}, {"is_active": False}]
    )
    def test_the_last_superuser_stays(self, scene: Scene, last: dict[str, Any]) -> None:
        root = superuser(scene, "root")
        assert root.user_id is not None
        inactive = superuser(scene, "inactive").user_id
        assert inactive is not None
        change(scene, OPERATOR, inactive, is_active=False)
        with pytest.raises(errors.LastSuperuser):
            change(scene, OPERATOR, root.user_id, **last)
        assert change(scene, OPERATOR, root.user_id, first_name="Root").acts_as_superuser
        change(scene, OPERATOR, inactive, is_active=True)
        change(scene, OPERATOR, root.user_id, **last)
        assert active_superusers(scene) == [inactive]

    @pytest.mark.parametrize("others", [0, 1])
    def test_superusers_who_race_to_demote_each_other_leave_one(self, scene: Scene, others: int) -> None:
        """Of two, one succeeds. The other one is no superuser any more, and is refused."""
        racers = [superuser(scene, f"root {number}") for number in range(2)]
        for number in range(others):
            superuser(scene, f"other {number}")

        def demote(number: int) -> Any:
            target = racers[1 - number].user_id
            assert target is not None
            return change(scene, racers[number], target, is_staff=False, is_superuser=False)

        results = racing(2, demote)
        refused = [result for result in results if isinstance(result, errors.SellOutError)]
        assert [type(refusal) for refusal in refused] == [errors.Forbidden if others else errors.LastSuperuser]
        assert len(active_superusers(scene)) == 1 + others

    def test_many_superusers_who_race_leave_one(self, scene: Scene) -> None:
        """The operator demotes all at once."""
        ids = [superuser(scene, f"root {number}").user_id or UserId(0) for number in range(RACERS)]
        results = racing(RACERS, lambda n: change(scene, OPERATOR, ids[n], is_superuser=False))
        assert [type(one) for one in results if isinstance(one, errors.SellOutError)] == [errors.LastSuperuser]
        assert len(active_superusers(scene)) == 1

    def test_of_two_changes_of_a_user_based_on_one_version_one_is_refused(self, scene: Scene) -> None:
        anna = scene.user("anna")
        known = scene.store.read(lambda tx: tx.users.get_many([anna]))[anna]

        def alter(number: int) -> Any:
            new = UserChange(personal_discount=Percentage(number + 1))
            return change_user(scene.shop, OPERATOR, anna, new, lambda view: view.user == known)

        results = racing(RACERS, alter)
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1

    def test_changes_of_users_are_audited_without_secrets(self, scene: Scene) -> None:
        root = superuser(scene, "root")
        anna = scene.user("anna")
        for _ in range(2):
            change(scene, root, anna, is_staff=True, first_name="Анна")
        end_sessions(scene.shop, root, anna)
        end_sessions(scene.shop, root, anna)
        end_sessions(scene.shop, Actor(anna), anna)
        entries = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="user"))
        assert [(entry.action, entry.actor_id, entry.object_id, entry.changes) for entry in entries] == [
            (
                "update",
                root.user_id,
                anna,
                {"first_name": FieldChange("", "Анна"), "is_staff": FieldChange(False, True)},
            ),
            ("end_sessions", root.user_id, anna, {"sessions": FieldChange(1, 0)}),
        ]

    def test_an_actor_has_the_rights_of_now(self, scene: Scene) -> None:
        anna = scene.user("anna")
        claims = read_token(scene.shop, log_in(scene.shop, "anna", PASSWORD).access, "access")
        for rights, actor in (
            (SUPERUSER, Actor(anna, **SUPERUSER)),
            ({"is_staff": False}, Actor(anna)),
            ({"is_staff": True, "is_superuser": False}, Actor(anna, is_staff=True)),
        ):
            scene.change_user(anna, **rights)
            assert authenticate(scene.shop, claims) == actor

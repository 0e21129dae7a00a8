"""The search for users."""

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.people.accounts import new_user
from sellout_adapters.testing.scene import Scene
from sellout_core import errors
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.user_search import UserQuery
from sellout_core.use_cases.people.users import read_users
from sellout_core.views import UserView


class UserSearchLaws:
    """The search for users."""

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("anna", ["Anna", "ANNABEL"]),
            ("ANNAB", ["ANNABEL"]),
            ("nna", []),
            ("ива", ["Anna"]),
            ("Пётр Ива", ["Anna"]),
            ("иванов  пЁтр", ["Anna"]),
            (" иванов пётр ", ["Anna"]),
            ("пётр петров", []),
            ("Mail@", ["boris"]),
            ("ail@", []),
            ("STRASSE", ["boris"]),
            ("straße", ["boris"]),
            ("+7916", ["ANNABEL"]),
            ("7916", ["ANNABEL"]),
            ("916", []),
            ("%", ["%_"]),
            ("_", []),
            ("x", []),
            ("x" * 150, []),
            ("\N{NO-BREAK SPACE}a", ["Anna", "ANNABEL"]),
            ("a", ["Anna", "ANNABEL"]),
        ],
    )
    def test_users_are_found_by_the_beginnings_of_their_texts(self, scene: Scene, text: str, found: list[str]) -> None:
        users = [
            new_user("Anna", first_name="Пётр", last_name="Иванов"),
            new_user("ANNABEL", telephone="+79160000000"),
            new_user("boris", first_name="Straße\nёж", email="mail@mail.ru"),
            new_user("%_"),
        ]
        for user in users:
            scene.store.write(lambda tx, new=user: tx.users.add(new, "hash"))  # type: ignore[misc]
        query = UserQuery(text=text)
        views: list[UserView] = []
        read_users(scene.shop, OPERATOR, views.extend, query=query)
        assert [view.user.username for view in views] == found
        stored = scene.store.read(lambda tx: tx.users.search(query, 0, 1_000))
        assert [user.username for user in stored] == found
        assert scene.store.read(lambda tx: tx.users.search(query, 0, 1)) == stored[:1]
        for user in stored[:1]:
            assert scene.store.read(lambda tx, one=user: tx.users.search(query, one.id, 9)) == stored[1:]  # type: ignore[misc]
        assert scene.store.read(lambda tx: tx.users.search(query, 10**30, 9)) == []

    def test_a_changed_user_is_found_by_the_new_texts(self, scene: Scene) -> None:
        anna = scene.user("anna")
        scene.change_user(anna, first_name="Ольга")
        scene.change_user(anna, telephone="123")
        for text, number in (("ольга", 1), ("123", 1), ("anna", 1), ("o", 0)):
            assert len(scene.store.read(lambda tx, q=text: tx.users.search(UserQuery(text=q), 0, 9))) == number, text  # type: ignore[misc]
        stored = scene.store.read(lambda tx: tx.users.get_many([anna]))[anna]
        assert (stored.first_name, stored.telephone) == ("Ольга", "123")

    @pytest.mark.parametrize("text", ["", " ", "\n", "x" * 151, "a\0", "\ud800"])
    def test_a_text_outside_its_limits_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidFields):
            UserQuery(text=text)

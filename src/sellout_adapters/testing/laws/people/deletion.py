"""The deletion of users."""

from datetime import timedelta
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import PASSWORD, Scene, checkout_request, whole_list
from sellout_core import errors
from sellout_core.audit import AuditQuery, FieldChange
from sellout_core.mail import MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR, Actor, Address, NewAddress, PasswordChange
from sellout_core.people.identity import AccountEmail, SingleUseToken
from sellout_core.people.user_search import UserQuery
from sellout_core.ports.shopping.orders import StoredResponse
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.people.account.deletion import delete_account, emptied
from sellout_core.use_cases.people.account.profile import ProfileChange, change_profile
from sellout_core.use_cases.people.passwords import change_password
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token
from sellout_core.use_cases.people.user_management import UserChange, change_user
from sellout_core.use_cases.people.users import add_address, read_profile, read_users
from sellout_core.use_cases.personal_export import read_export
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_orders
from sellout_core.use_cases.shopping.promo_codes import create_promo_code, read_promo_code
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import Percentage, ProductId, UserId


def delete(scene: Scene, user_id: UserId, password: str = PASSWORD) -> None:
    """The user deletes the own account."""
    delete_account(scene.shop, Actor(user_id), user_id, password)


def shopper(scene: Scene) -> UserId:
    """A user with a row of every kind."""
    anna, root = scene.user("anna"), scene.user("root")
    staff = Actor(root, is_staff=True)
    sold, kept = scene.unit("one", 7), scene.unit("two", 9)
    address = scene.address(anna)
    profile = ProfileChange(telephone="+79990001122", main_address_id=address)
    change_profile(scene.shop, Actor(anna), anna, profile, lambda _: True)
    change_user(scene.shop, staff, anna, UserChange(first_name="Анна", personal_discount=Percentage(5)), lambda _: True)
    scene.fill_cart(anna, sold, kept)
    check_out(scene.shop, Actor(anna), anna, checkout_request(address, sold))
    [product] = scene.store.read(lambda tx: tx.products.after(0, 1))
    add_to_wishlist(scene.shop, Actor(anna), anna, product.id, None)
    scene.store.write(lambda tx: tx.view_history.note([(anna, product.id)]))
    return anna


def own_promo_code(scene: Scene, owner: UserId) -> NewPromoCode:
    """A promo code to create."""
    until = (scene.clock.now + timedelta(days=99)).date()
    return NewPromoCode(
        code="ANNA", owner_id=owner, discount_percentage=Percentage(10), max_activation_count=9, active_until=until
    )


class DeletionLaws:
    """The deletion of users."""

    def test_a_deleted_user_is_gone(self, scene: Scene) -> None:
        anna = shopper(scene)
        claims = read_token(scene.shop, log_in(scene.shop, "anna", PASSWORD).access, "access")
        delete(scene, anna)
        with pytest.raises(errors.Unauthenticated):
            authenticate(scene.shop, claims)
        with pytest.raises(errors.BadCredentials):
            log_in(scene.shop, "anna", PASSWORD)
        for call in (
            lambda: read_profile(scene.shop, OPERATOR, anna),
            lambda: add_address(scene.shop, OPERATOR, anna, NewAddress("x", "")),
            lambda: change_user(scene.shop, OPERATOR, anna, UserChange(is_active=True), lambda _: True),
            lambda: change_password(scene.shop, OPERATOR, anna, PasswordChange(PASSWORD, "another password")),
            lambda: delete_account(scene.shop, OPERATOR, anna, PASSWORD),
        ):
            with pytest.raises(errors.NotFound):
                call()
        everyone = whole_list(read_users, scene.shop, OPERATOR)
        assert [view.user.username for view in everyone] == ["root"]
        assert scene.store.read(lambda tx: tx.users.search(UserQuery(text="deleted"), 0, 9)) == []
        assert scene.store.write(lambda tx: tx.view_history.note([(anna, ProductId(1))])) == {anna}

    def test_the_export_has_all_that_the_deletion_deletes(self, scene: Scene) -> None:
        """Apart from the orders, and from the stored responses, which repeat them."""
        anna = shopper(scene)
        promo_code = create_promo_code(scene.shop, OPERATOR, own_promo_code(scene, anna)).promo_code
        scene.promo_code("OTHER", scene.user("boris"))
        export = read_export(scene.shop, Actor(anna), anna)
        user = export.user.user
        assert (user.username, user.first_name, user.telephone, len(user.addresses)) == (
            *("anna", "Анна", "+79990001122"),
            1,
        )
        assert [len(view) for view in (export.sessions, export.cart.units, export.wishlist)] == [1, 1, 1]
        assert export.promo_codes == [promo_code]
        assert [sorted(entry.changes) for entry in export.audit] == [["first_name", "personal_discount"]]
        delete(scene, anna)
        with pytest.raises(errors.NotFound):
            read_export(scene.shop, OPERATOR, anna)

    def test_nothing_is_left_of_the_user_but_the_id(self, scene: Scene) -> None:
        anna = shopper(scene)
        delete(scene, anna)

        def left(tx: Any) -> Any:
            user = tx.users.get_many([anna])[anna]
            return user, tx.carts.of(anna).units, tx.wishlists.of(anna).units, tx.sessions.of(anna)

        user, *things = scene.store.read(left)
        assert things == [(), (), []]
        assert user.username.startswith("deleted ")
        assert user == emptied(anna, scene.clock.now, user.username)

    def test_the_username_is_free_and_the_id_is_not_used_again(self, scene: Scene) -> None:
        anna = shopper(scene)
        delete(scene, anna)
        again = scene.user("Anna")
        assert again > anna
        delete(scene, again)
        assert scene.user("anna") > again

    def test_orders_keep_their_amounts_and_lines(self, scene: Scene) -> None:
        anna = shopper(scene)
        [before] = scene.store.read(lambda tx: tx.orders.after(0, 9))
        delete(scene, anna)
        [after] = scene.store.read(lambda tx: tx.orders.after(0, 9))
        nothing: dict[str, Any] = dict.fromkeys(("email", "telephone", "first_name", "last_name"), "")
        assert after == attrs.evolve(before, address=Address(before.address.id, "", ""), **nothing)
        assert (after.total, after.lines, after.buyer_id) == (before.total, before.lines, anna)
        [view] = whole_list(read_orders, scene.shop, OPERATOR)
        assert (view.order, view.user.user.deleted_at) == (after, scene.clock.now)

    def test_the_promo_codes_of_the_user_are_stopped_everywhere(self, scene: Scene) -> None:
        anna, boris, unit = scene.user("anna"), scene.user("boris"), scene.unit("one", 100)
        created = create_promo_code(scene.shop, OPERATOR, own_promo_code(scene, anna)).promo_code
        other = scene.promo_code("OTHER", boris)
        addresses = {buyer: scene.address(buyer) for buyer in (anna, boris)}
        for buyer, code in ((boris, "anna"), (anna, "other")):
            scene.fill_cart(buyer, unit)
            checkout = checkout_request(addresses[buyer], unit, promo_code=code)
            check_out(scene.shop, Actor(buyer), buyer, checkout)
        used, mine = scene.store.read(lambda tx: tx.orders.after(0, 9))
        delete(scene, anna)
        after = read_promo_code(scene.shop, OPERATOR, created.id).promo_code
        assert after.code.endswith(f"-{created.id}")
        assert (after.active, after.activation_count, after.owner_id) == (False, 1, anna)
        codes = scene.store.read(lambda tx: [tx.promo_codes.by_code(one) for one in ("anna", after.code, "other")])
        assert codes == [None, after, attrs.evolve(other, activation_count=1)]
        orders = scene.store.read(lambda tx: tx.orders.after(0, 9))
        assert used.promo_code is not None
        assert orders[0] == attrs.evolve(used, promo_code=attrs.evolve(used.promo_code, code=after.code))
        assert orders[1].promo_code == mine.promo_code
        with pytest.raises(errors.InvalidFields):
            create_promo_code(scene.shop, OPERATOR, own_promo_code(scene, anna))

    def test_the_audit_keeps_who_changed_what_kind_of_thing_when(self, scene: Scene) -> None:
        anna = shopper(scene)
        boris = scene.user("boris")
        change_user(scene.shop, OPERATOR, boris, UserChange(last_name="Б"), lambda _: True)
        created = create_promo_code(scene.shop, OPERATOR, own_promo_code(scene, anna)).promo_code
        before = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery())
        delete_account(scene.shop, OPERATOR, anna, PASSWORD)
        *after, deletion = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery())
        assert (deletion.actor_id, deletion.action, deletion.object_id, deletion.changes) == (None, "delete", anna, {})
        nothing = FieldChange(None, None)
        assert after == [
            attrs.evolve(entry, changes=dict.fromkeys(entry.changes, nothing))
            if (entry.kind, entry.object_id) in {("user", anna), ("promo_code", created.id)}
            else entry
            for entry in before
        ]
        [about] = [entry for entry in after if (entry.kind, entry.object_id) == ("user", anna)]
        assert sorted(about.changes) == ["first_name", "personal_discount"]

    def test_stored_responses_about_the_user_are_deleted(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        now = scene.clock.now
        stored = {
            (anna, "own"): StoredResponse("f", b"anna"),
            (boris, "about"): StoredResponse("f", b"anna", anna),
            (boris, "other"): StoredResponse("f", b"boris"),
            (boris, "self"): StoredResponse("f", b"boris", boris),
        }
        for (user_id, key), response in stored.items():
            scene.store.write(lambda tx, u=user_id, k=key, r=response: tx.idempotency.save(u, k, r, now))  # type: ignore[misc]

        def left() -> Any:
            before = now - timedelta(hours=1)
            return scene.store.read(lambda tx: [tx.idempotency.find(*key, before) for key in stored])

        assert left() == list(stored.values())
        delete(scene, anna)
        assert left() == [None, None, stored[boris, "other"], stored[boris, "self"]]

    def test_mails_and_tokens_of_the_user_are_deleted(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        now = scene.clock.now

        def write(tx: Any) -> None:
            tx.emails.save(AccountEmail(anna, "Anna@shop.example", "new@shop.example"))
            tx.emails.save(AccountEmail(boris, "boris@shop.example"))
            for owner, fingerprint in ((anna, "a"), (boris, "b")):
                tx.single_use_tokens.add(
                    SingleUseToken(
                        fingerprint=fingerprint, user_id=owner, purpose="verify_email", address="x", expires_at=now
                    )
                )
            recipients: dict[str, UserId | None] = {
                "anna@SHOP.example": None,
                "old@shop.example": anna,
                "boris@shop.example": None,
            }
            for recipient, user_id in recipients.items():
                template = MailTemplate.RESET_PASSWORD
                tx.outbox.add(
                    NewMail(recipient=recipient, template=template, language="en", user_id=user_id, created_at=now)
                )

        scene.store.write(write)
        delete(scene, anna)

        def left(tx: Any) -> Any:
            mails = []
            while (mail := tx.outbox.take_due(now, now + timedelta(hours=1))) is not None:
                mails.append(mail.recipient)
            tokens = [tx.single_use_tokens.of(fingerprint) is None for fingerprint in "ab"]
            return tx.emails.of(anna), tx.emails.by_address("boris@shop.example").user_id, tokens, mails

        assert scene.store.write(left) == (AccountEmail(anna), boris, [True, False], ["boris@shop.example"])

    def test_a_wrong_password_deletes_nothing(self, scene: Scene) -> None:
        anna = shopper(scene)
        before = read_profile(scene.shop, OPERATOR, anna)
        for actor in (Actor(anna), OPERATOR):
            with pytest.raises(errors.WrongPassword):
                delete_account(scene.shop, actor, anna, "another password")
        assert read_profile(scene.shop, OPERATOR, anna) == before
        log_in(scene.shop, "anna", PASSWORD)

    def test_the_last_superuser_stays(self, scene: Scene) -> None:
        root, other = scene.user("root"), scene.user("other")
        scene.change_user(root, is_staff=True, is_superuser=True)
        with pytest.raises(errors.LastSuperuser):
            delete(scene, root)
        assert read_profile(scene.shop, OPERATOR, root).user.acts_as_superuser
        scene.change_user(other, is_staff=True, is_superuser=True)
        delete(scene, root)
        with pytest.raises(errors.LastSuperuser):
            delete(scene, other)

    def test_of_superusers_who_race_to_delete_themselves_one_stays(self, scene: Scene) -> None:
        ids = [scene.user(f"root {number}") for number in range(RACERS)]
        for user_id in ids:
            scene.change_user(user_id, is_staff=True, is_superuser=True)
        results = racing(RACERS, lambda number: delete(scene, ids[number]))
        assert [type(one) for one in results if isinstance(one, Exception)] == [errors.LastSuperuser]

    def test_of_several_deletions_at_once_one_succeeds(self, scene: Scene) -> None:
        anna = shopper(scene)
        results = racing(RACERS, lambda _: delete(scene, anna))
        assert sum(isinstance(result, errors.NotFound) for result in results) == RACERS - 1

    def test_what_races_with_the_deletion_leaves_nothing(self, scene: Scene) -> None:
        """An order, an address and a log-in take place before the deletion, or are refused."""
        anna = shopper(scene)
        [address] = read_profile(scene.shop, OPERATOR, anna).user.addresses
        cart = scene.store.read(lambda tx: tx.carts.of(anna))
        assert cart is not None
        [unit] = cart.unit_ids
        works: list[Any] = [
            lambda: delete(scene, anna),
            lambda: check_out(scene.shop, Actor(anna), anna, checkout_request(address.id, unit)),
            lambda: add_address(scene.shop, Actor(anna), anna, NewAddress("Невский 1", "")),
            lambda: log_in(scene.shop, "anna", PASSWORD),
            lambda: create_promo_code(scene.shop, OPERATOR, own_promo_code(scene, anna)),
        ]
        results = racing(len(works), lambda number: works[number]())
        assert results[0] is None
        orders = scene.store.read(lambda tx: tx.orders.after(0, 9))
        assert {(order.email, order.address.address) for order in orders} == {("", "")}

        def left(tx: Any) -> Any:
            found = tx.users.get_many([anna])[anna]
            return found.addresses, tx.sessions.of(anna), tx.promo_codes.by_code("ANNA")

        assert scene.store.read(left) == ((), [], None)

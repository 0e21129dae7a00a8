"""What the shop holds about a user, to export and to delete it, in memory."""

from collections.abc import Collection, Sequence
from typing import Any

import attrs

from sellout_adapters.memory.repositories.base import Repository
from sellout_core.audit import FieldChange
from sellout_core.people.accounts import Address
from sellout_core.people.identity import address_key
from sellout_core.shopping.ordering import PromoCode
from sellout_core.values import PromoCodeId, UserId, fold


class PersonalData(Repository):
    """`ports.PersonalData`."""

    def promo_codes_of(self, user_id: UserId) -> Sequence[PromoCode]:
        """The user's promo codes."""
        return [code for code in self._tables.promo_codes.values() if code.owner_id == user_id]

    def delete_addresses(self, user_id: UserId) -> None:
        """Deletes the addresses in the user and in the table of owners."""
        users = self._tables.users
        for address in users[user_id].addresses:
            self._tables.addresses.drop(address.id)
        users.put(user_id, attrs.evolve(users[user_id], addresses=()))

    def delete_wishlist(self, user_id: UserId) -> None:
        """Deletes the units."""
        table = self._tables.wishlist_units
        for unit in [unit for unit in table.values() if unit.user_id == user_id]:
            table.drop(unit.id)

    def delete_responses(self, user_id: UserId) -> None:
        """Deletes stored responses."""
        table = self._tables.stored_responses
        for key in [key for key, (stored, _) in table.items() if user_id in (key[0], stored.about_id)]:
            table.drop(key)

    def delete_emails(self, user_id: UserId) -> None:
        """Deletes the addresses."""
        self._tables.emails.drop(user_id)

    def delete_tokens(self, user_id: UserId) -> None:
        """Deletes tokens."""
        table = self._tables.single_use_tokens
        for token in [token for token in table.values() if token.user_id == user_id]:
            table.drop(token.fingerprint)

    def delete_mails(self, user_id: UserId, addresses: Collection[str]) -> None:
        """Deletes mails."""
        keys, table = set(map(address_key, addresses)), self._tables.outbox
        for mail in [stored.mail for stored in table.values()]:
            if mail.user_id == user_id or address_key(mail.recipient) in keys:
                table.drop(mail.id)

    def empty_orders(self, user_id: UserId) -> None:
        """Empties recipients and places."""
        table = self._tables.orders
        empty: dict[str, Any] = dict.fromkeys(("email", "telephone", "first_name", "last_name"), "")
        empty |= dict.fromkeys(("recipient", "delivery"))
        for order in [order for order in table.values() if order.buyer_id == user_id]:
            table.put(order.id, attrs.evolve(order, address=Address(order.address.id, "", ""), **empty))

    def empty_notes(self, user_id: UserId) -> None:
        """Empties notes."""
        table, orders = self._tables.order_history, self._tables.orders
        for entry in [entry for entry in table.values() if orders[entry.order_id].buyer_id == user_id]:
            table.put(entry.id, attrs.evolve(entry, note=""))

    def empty_parcels(self, user_id: UserId) -> None:
        """Replaces tracking numbers."""
        table = self._tables.fulfilments
        for found in [found for found in table.values() if found.buyer_id == user_id]:
            parcels = tuple(attrs.evolve(parcel, tracking_number="-") for parcel in found.parcels)
            table.put(found.order_id, attrs.evolve(found, parcels=parcels))

    def stop_promo_codes(self, user_id: UserId, code: str) -> None:
        """Renames and deactivates promo codes."""
        for promo_code in self.promo_codes_of(user_id):
            stopped = attrs.evolve(_renamed(promo_code, code), active=False)
            self._tables.promo_code_ids.drop(fold(promo_code.code))
            self._tables.promo_code_ids.put(fold(stopped.code), stopped.id)
            self._tables.promo_codes.put(stopped.id, stopped)

    def rename_promo_codes_in_orders(self, user_id: UserId, code: str) -> None:
        """Renames the copies."""
        table, owned = self._tables.orders, self._owned_ids(user_id)
        for order in list(table.values()):
            if order.promo_code is not None and order.promo_code.id in owned:
                table.put(order.id, attrs.evolve(order, promo_code=_renamed(order.promo_code, code)))

    def empty_audit(self, user_id: UserId) -> None:
        """Empties the changes."""
        table = self._tables.audit
        objects = {("user", user_id), *(("promo_code", own) for own in self._owned_ids(user_id))}
        for entry in [entry for entry in table.values() if (entry.kind, entry.object_id) in objects]:
            table.put(entry.id, attrs.evolve(entry, changes=dict.fromkeys(entry.changes, FieldChange(None, None))))

    def _owned_ids(self, user_id: UserId) -> set[PromoCodeId]:
        return {promo_code.id for promo_code in self.promo_codes_of(user_id)}


def _renamed(promo_code: PromoCode, code: str) -> PromoCode:
    return attrs.evolve(promo_code, code=f"{code}-{promo_code.id}")

"""The port of what the shop holds about a user, to export and to delete it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from sellout_core.shopping.ordering import PromoCode
from sellout_core.values import UserId

__all__ = ["PersonalData"]


class PersonalData(Protocol):
    """The data of a user obtained from `Users.for_update`, apart from the user, the credentials, the sessions, the
    second factor and the cart, whose own ports delete them.
    """

    def promo_codes_of(self, user_id: UserId) -> Sequence[PromoCode]:
        """The promo codes of which the user is the owner, by id."""

    def delete_addresses(self, user_id: UserId) -> None:
        """Deletes the address book."""

    def delete_wishlist(self, user_id: UserId) -> None:
        """Deletes all units of the wishlist."""

    def delete_responses(self, user_id: UserId) -> None:
        """Deletes the stored responses of the user, and those of others that are about the user
        (`StoredResponse.about_id`).
        """

    def delete_emails(self, user_id: UserId) -> None:
        """Deletes the e-mail addresses."""

    def delete_tokens(self, user_id: UserId) -> None:
        """Deletes the single-use tokens."""

    def delete_mails(self, user_id: UserId, addresses: Collection[str]) -> None:
        """Deletes the mails in the outbox that concern the user or go to one of the addresses."""

    def empty_orders(self, user_id: UserId) -> None:
        """Empties the buyer's contact and the address of the user's orders, and deletes their recipient and delivery.
        The ids of the addresses and the delivery fees stay.
        """

    def empty_notes(self, user_id: UserId) -> None:
        """Empties the notes in the histories of the user's orders."""

    def empty_parcels(self, user_id: UserId) -> None:
        """Replaces the tracking numbers of the parcels of the user's orders by `-`: every parcel has one."""

    def stop_promo_codes(self, user_id: UserId, code: str) -> None:
        """Deactivates the promo codes of which the user is the owner. The text of each becomes `code`, a hyphen and its
        id. `code` is unique.
        """

    def rename_promo_codes_in_orders(self, user_id: UserId, code: str) -> None:
        """Gives the same texts to the copies of these promo codes in orders of all buyers."""

    def empty_audit(self, user_id: UserId) -> None:
        """Replaces the values in the audit entries about the user and these promo codes by None. The names of the
        changed fields stay.
        """

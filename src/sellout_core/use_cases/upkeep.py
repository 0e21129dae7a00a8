"""Deletes expired sessions, stored responses, single-use tokens, guests' carts and rate limit counts, and unused files
of pictures.
"""

from typing import Final

from sellout_core.catalogue.pictures import digest_in
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop

__all__ = ["EXPIRED_PER_WRITE", "delete_expired", "delete_unused_files"]

EXPIRED_PER_WRITE: Final = 20
"""The maximum number of expired rows that a transaction deletes when it adds a row of the same kind. It is more than
one, so that expired rows are deleted even if there are fewer writes than before.
"""

_BATCH: Final = 200


def delete_expired(shop: Shop, actor: Actor) -> int:
    """Deletes all expired rows, in transactions of at most 200 rows of a kind. Returns the number of rows. For the
    operator. The shop may be in use meanwhile.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    now = shop.clock()

    def work(tx: Transaction) -> int:
        return (
            tx.sessions.delete_expired(now, _BATCH)
            + tx.idempotency.delete_expired(now - shop.policy.idempotency_key_lifetime, _BATCH)
            + tx.single_use_tokens.delete_expired(now, _BATCH)
            + tx.guest_carts.delete_expired(now, _BATCH)
            + tx.counters.delete_ended(now, _BATCH)
        )

    total = 0
    while deleted := shop.store.write(work):
        total += deleted
    return total


def delete_unused_files(shop: Shop, actor: Actor) -> int:
    """Deletes the files of pictures that no product has and that were stored over a day ago: those of deleted pictures,
    and of uploads that a crash or a refusal ended. Returns their number. For the operator. The shop may be in use
    meanwhile.

    Raises:
        Forbidden: the actor is not the operator.
        Unavailable: the storage failed.
    """
    actor.require_operator()
    by = shop.clock() - shop.policy.unused_file_lifetime
    total = 0
    for names in shop.picture_storage.stored_before(by):
        digests = {name: digest for name in names if (digest := digest_in(name)) is not None}
        used = shop.store.read(lambda tx, found=digests: tx.pictures.used(set(found.values())))  # type: ignore[misc]
        unused = [name for name, digest in digests.items() if digest not in used]
        total += shop.picture_storage.delete(unused, by)
    return total

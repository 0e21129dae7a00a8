"""What the HTTP server uses of a store beyond the core's port, with a default for each part."""

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

from sellout_core.ports.store import Store, Transaction

T = TypeVar("T")


class LoopReads(Protocol):
    """Short reads on the event loop, without a thread."""

    async def read(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `Store.read`; `note` gets the number of statements."""

    async def close(self) -> None:
        """Ends the reads and closes their connections."""


class LoopWrites(Protocol):
    """Writes on the event loop, without a thread."""

    async def run(self, work: Callable[[Store], T], note: Callable[[int], None]) -> T:
        """What the work returns. It takes a few milliseconds at most, writes to the store that it gets, and waits for
        nothing else. `note` gets the number of statements, perhaps in several calls.
        """

    async def close(self) -> None:
        """Ends the writes, once those that have begun are complete."""


@runtime_checkable
class ServedStore(Store, Protocol):
    """A store as the server uses it. A subclass overrides what its database can do; each default is correct for every
    store.

    The version of the catalogue changes with every commit after which products or product units may look different to
    those who only look at them.
    """

    @property
    def reads_never_wait(self) -> bool:
        """Whether a short `read` waits for no writer, no other process and no network, so that it may run on the event
        loop.
        """
        return False

    def catalogue_version(self) -> int | None:
        """The version of the catalogue now. None: the store does not know it, so catalogue documents are not cached."""
        return None

    def recent_catalogue_version(self) -> int | None:
        """A version that the catalogue had within the last second, and not before this store's own last commit. None:
        it is not known without a statement. Never waits.
        """
        return None

    def statements(self) -> int:
        """How many statements the calling thread has sent so far, for the log."""
        return 0

    def check(self) -> None:
        """Checks that the store can be used, for `/readyz`.

        Raises:
            Unavailable: the store cannot be used.
        """
        return

    def reads(self) -> LoopReads | None:
        """Short reads on the event loop; the caller closes them. None: short reads run in threads, unless
        `reads_never_wait`.
        """
        return None

    def writes(self) -> LoopWrites | None:
        """Writes on the event loop; the caller closes them. None: writes run in threads."""
        return None

    def close(self) -> None:
        """Closes the store's connections. No work is running."""
        return


class ThreadedStore(ServedStore):
    """Serves any store of the core by its two methods alone. All work runs in threads.

    Args:
        store: The store to serve.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Reads from the store."""
        return self._store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Writes to the store."""
        return self._store.write(work)


def served(store: Store) -> ServedStore:
    """The store itself if it has all members of `ServedStore`, otherwise the store with the defaults."""
    return store if isinstance(store, ServedStore) else ThreadedStore(store)

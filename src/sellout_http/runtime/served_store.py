"""The store that the HTTP server uses: the core's port and optional features with defaults."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event
from typing import Protocol, TypeVar, runtime_checkable

from sellout_core.ports.store import Store, Transaction

T = TypeVar("T")


class LoopReads(Protocol):
    """Short reads on the event loop, without a thread."""

    async def read(self, work: Callable[[Transaction], T], note: Callable[[int], None]) -> T:
        """As `ServedStore.short_read`. `note` receives the number of statements."""

    async def close(self) -> None:
        """Waits for running reads and closes their connections."""


class LoopWrites(Protocol):
    """Short writes on the event loop, without a thread."""

    async def run(self, work: Callable[[Store], T], note: Callable[[int], None]) -> T:
        """Runs work and returns its result. The work takes a few milliseconds, writes to the given store and waits for
        nothing else. `note` receives the number of statements, in one or more calls.
        """

    async def close(self) -> None:
        """Waits for running writes. Later ones are refused."""


@runtime_checkable
class ServedStore(Store, Protocol):
    """A store with the optional features of the server. Each default is correct for every store.

    The version of the catalogue changes with every commit that may change a catalogue document.
    """

    def search(self, work: Callable[[Transaction], T], left: Future[None]) -> T:  # noqa: ARG002 - for stores that can
        """As `read`, for a search. The store may cancel it after a time limit, and when its client has disconnected.

        Args:
            work: Searches.
            left: Done when the client has disconnected. Its callbacks run on the event loop and wait for nothing.

        Raises:
            Unavailable: the store is unavailable, or the search was cancelled.
        """
        return self.read(work)

    def short_read(self, work: Callable[[Transaction], T], too_long: type[Exception]) -> T:  # noqa: ARG002 - for stores that can
        """As `read`, for a read that is usually short.

        Args:
            work: Reads.
            too_long: Raised if the work reads so many values that it would block an event loop for too long.
        """
        return self.read(work)

    @property
    def reads_never_wait(self) -> bool:
        """Whether a short `read` can run on the event loop, because it waits for no lock, no other process and no
        network.
        """
        return False

    def catalogue_version(self) -> int | None:
        """The current version of the catalogue. None: the store has none, so catalogue documents are not cached."""
        return None

    def recent_catalogue_version(self) -> int | None:
        """The version of the catalogue, if it was read in the last second and after this store's own last commit.
        None: it was not. Never runs a statement.
        """
        return None

    def statements(self) -> int:
        """The number of statements that the calling thread has sent so far, for the log."""
        return 0

    def connections(self) -> tuple[int, int] | None:
        """The number of database connections in use, and their maximum number. None: the store has no pool."""
        return None

    def check(self) -> None:
        """Checks the store, for `/readyz`.

        Raises:
            Unavailable: the store cannot be used.
        """
        return

    def maintain_facet_index(self, stopped: Event) -> None:  # noqa: ARG002 - for stores that can
        """Builds an index of facets in memory and updates it until `stopped` is set. Runs in a thread of its own. A
        store without an index returns at once.
        """
        return

    def reads(self, too_long: type[Exception]) -> LoopReads | None:  # noqa: ARG002 - for stores that can
        """Short reads on the event loop. The caller closes them. None: short reads run in threads, unless
        `reads_never_wait`.

        Args:
            too_long: As for `short_read`.
        """
        return None

    def writes(self) -> LoopWrites | None:
        """Short writes on the event loop. The caller closes them. None: writes run in threads."""
        return None

    def close(self) -> None:
        """Closes the connections of the store. No work may be running."""
        return


class ThreadedStore(ServedStore):
    """A store of the core without optional features. All work runs in threads.

    Args:
        store: The store to serve.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, work: Callable[[Transaction], T]) -> T:
        """As `Store.read`."""
        return self._store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """As `Store.write`."""
        return self._store.write(work)


def served(store: Store) -> ServedStore:
    """The store itself if it has all members of `ServedStore`, otherwise a `ThreadedStore`."""
    return store if isinstance(store, ServedStore) else ThreadedStore(store)

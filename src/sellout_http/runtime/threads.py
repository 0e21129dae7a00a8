"""The numbers of threads of a process, and the lengths of their queues. The next call is refused with 503."""

import os
from typing import Final

LIST_THREADS: Final = 2
"""The number of threads that stream long lists."""

WAITING_LISTS: Final = 8
"""The maximum number of long lists that wait for a thread."""

LONG_READ_THREADS: Final = 2
"""The number of threads for long reads."""

WAITING_LONG_READS: Final = 64
"""The maximum number of long reads that wait for a thread."""

SEARCH_THREADS: Final = 2
"""The number of threads for searches."""

WAITING_SEARCHES: Final = 64
"""The maximum number of searches that wait for a thread."""

UPLOAD_THREADS: Final = 1
"""The number of threads that decode pictures. Each needs up to 500 MiB of memory for a picture of 40 megapixels."""

WAITING_UPLOADS: Final = 15
"""The maximum number of uploads that wait for a thread."""

PROVIDER_THREADS: Final = 2
"""The number of threads that call a payment provider."""

WAITING_PROVIDERS: Final = 32
"""The maximum number of calls of a payment provider that wait for a thread."""

EVENT_THREADS: Final = 2
"""The number of threads with the transactions of the delivery of events."""

WAITING_CALLS: Final = 1024
"""The maximum number of calls that wait for a general thread."""

MORE_CONNECTIONS: Final = (
    LIST_THREADS + LONG_READ_THREADS + SEARCH_THREADS + UPLOAD_THREADS + PROVIDER_THREADS + EVENT_THREADS + 5
)
"""The number of database connections of a process besides those of its general and hashing threads: one for each thread
for lists, long reads, searches, uploads, payment providers and events, and one each for the facet index, the mail,
upkeep, the event loop and the health check.
"""


def spare_processors() -> int:
    """The default number of threads that hash passwords: all processors but one, from 1 to 64."""
    return min(64, max(1, (os.cpu_count() or 1) - 1))

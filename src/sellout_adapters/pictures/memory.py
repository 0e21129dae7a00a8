"""A storage of pictures in memory, for tests and experiments."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sellout_adapters.system import system_clock
from sellout_core.values import Clock

PATH: Final = "/pictures"


class MemoryPictures:
    """`ports.PictureStorage` in memory. Any number of threads may use it."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._files: dict[str, tuple[bytes, datetime]] = {}

    def put(self, files: Mapping[str, bytes]) -> None:
        """Stores files by name."""
        now = self._clock()
        self._files.update({name: (content, now) for name, content in files.items()})

    def address(self, name: str) -> str:
        """The path of a file on the shop's server."""
        return f"{PATH}/{name}"

    def stored_before(self, time: datetime) -> Iterator[Sequence[str]]:
        """The names of all files that were stored before a time."""
        yield [name for name, (_, stored) in list(self._files.items()) if stored < time]

    def delete(self, names: Sequence[str], stored_before: datetime) -> int:
        """Deletes files, except those that were stored again since. Returns their number."""
        old = [name for name in names if name in self._files and self._files[name][1] < stored_before]
        for name in old:
            del self._files[name]
        return len(old)

    def read(self, name: str) -> bytes | None:
        """The content of a file. None: there is no such file."""
        return self._files[name][0] if name in self._files else None

    def names(self) -> list[str]:
        """The names of all files, in order."""
        return sorted(self._files)

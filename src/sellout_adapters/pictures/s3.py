"""A storage of pictures in a bucket of S3 or of a compatible service."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import attrs

from sellout_adapters.extras import naming_extras
from sellout_core.catalogue.pictures import digest_in
from sellout_core.errors import Unavailable

with naming_extras():
    import obstore
    from obstore.exceptions import BaseError, NotFoundError
    from obstore.store import S3Store

__all__ = ["Bucket", "S3Pictures"]

_RETRIES: Final = 2
_ATTRIBUTES: Final = {"Content-Type": "image/webp", "Cache-Control": "public, max-age=31536000, immutable"}


@attrs.frozen(kw_only=True)
class Bucket:
    """A bucket, and how to reach it.

    Attributes:
        name: Its name.
        endpoint: The address of the service. None: AWS.
        region: The region of the bucket.
        key_id: The id of the access key.
        secret: The secret of the access key.
        connect_timeout: The maximum time of a connection attempt, in seconds.
        timeout: The maximum time of a request with its retries, in seconds.
    """

    name: str
    endpoint: str | None
    region: str
    key_id: str
    secret: str = attrs.field(repr=False)
    connect_timeout: float
    timeout: float


class S3Pictures:
    """`ports.PictureStorage` in a bucket. Any number of threads and processes may use it.

    Args:
        bucket: The bucket. The name of an object is that of the file.
        url: The public address of the bucket's objects, without a slash at the end.
    """

    def __init__(self, bucket: Bucket, url: str) -> None:
        seconds = timedelta(seconds=bucket.timeout)
        self._url = url
        self._store = S3Store(
            bucket.name,
            endpoint=bucket.endpoint,
            region=bucket.region,
            access_key_id=bucket.key_id,
            secret_access_key=bucket.secret,
            virtual_hosted_style_request=False,
            client_options={
                "timeout": seconds,
                "connect_timeout": timedelta(seconds=bucket.connect_timeout),
                "allow_http": (bucket.endpoint or "").startswith("http://"),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": seconds},
        )

    def put(self, files: Mapping[str, bytes]) -> None:
        """Stores files by name. An existing object is replaced by an equal one, which is newer.

        Raises:
            Unavailable: the service failed, or refused the request.
        """
        with _unavailable():
            for name, content in files.items():
                obstore.put(self._store, name, content, attributes=_ATTRIBUTES, use_multipart=False)

    def address(self, name: str) -> str:
        """The address of a file."""
        return f"{self._url}/{name}"

    def stored_before(self, time: datetime) -> Iterator[Sequence[str]]:
        """The names of all files that were stored before a time, in batches. Other objects are ignored.

        Raises:
            Unavailable: the service failed, or refused the request.
        """
        with _unavailable():
            for batch in obstore.list(self._store):
                yield [
                    found["path"]
                    for found in batch
                    if found["last_modified"] < time and digest_in(found["path"]) is not None
                ]

    def delete(self, names: Sequence[str], stored_before: datetime) -> int:
        """Deletes files, except those that were stored again since. Returns their number.

        Raises:
            Unavailable: the service failed, or refused the request. Some of the files may be deleted.
        """
        deleted = 0
        with _unavailable():
            for name in names:
                # S3 has no deletion under a condition. Between these two requests a few milliseconds pass.
                if self._is_older(name, stored_before):
                    obstore.delete(self._store, name)
                    deleted += 1
        return deleted

    def _is_older(self, name: str, time: datetime) -> bool:
        try:
            return obstore.head(self._store, name)["last_modified"] < time
        except (NotFoundError, FileNotFoundError):
            return False


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise Unavailable from error

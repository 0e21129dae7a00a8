"""A server of S3's protocol for tests, which checks the signature of each request."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import attrs
import httpx2

from tests.servers.ports import free_port

BUCKET: Final = "pictures"
REGION: Final = "us-east-1"
_START_SECONDS: Final = 60
_SETUP_REQUESTS: Final = 4
_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


@attrs.frozen
class S3Server:
    """A running server with an empty bucket, and the key of a user who may use it."""

    endpoint: str
    key_id: str
    secret: str


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Starts a server on a free port of 127.0.0.1, and stops it at the end."""
    port = free_port()
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        # The requests after these must be signed.
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_SETUP_REQUESTS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            _wait_until_it_answers(process, client)
            yield _prepared(client, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def _prepared(client: httpx2.Client, endpoint: str) -> S3Server:
    def send(service: str, method: str, path: str, **form: str) -> str:
        scope = f"setup/20260101/{REGION}/{service}/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        content: dict[str, Any] = {"data": {"Version": "2010-05-08", **form}} if form else {}
        response = client.request(method, path, headers=headers, **content)
        assert response.is_success, response.text
        return response.text

    send("iam", "POST", "/", Action="CreateUser", UserName="shop")
    policy = json.dumps(_POLICY)
    send("iam", "POST", "/", Action="PutUserPolicy", UserName="shop", PolicyName="shop", PolicyDocument=policy)
    key = send("iam", "POST", "/", Action="CreateAccessKey", UserName="shop")
    send("s3", "PUT", f"/{BUCKET}")
    [key_id] = re.findall("<AccessKeyId>(.+)</AccessKeyId>", key)
    [secret] = re.findall("<SecretAccessKey>(.+)</SecretAccessKey>", key)
    return S3Server(endpoint, key_id, secret)


def _wait_until_it_answers(process: subprocess.Popen[bytes], client: httpx2.Client) -> None:
    for _ in range(_START_SECONDS * 50):
        with suppress(httpx2.TransportError):
            client.get("/moto-api/")
            return
        with suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"the server ended with {process.wait(0.02)}")
    raise TimeoutError("the server does not answer")

"""The options of curl that the README's tour uses, for machines without curl."""

import argparse
import http.client
import os
import sys
from urllib.parse import urlsplit


def main() -> None:
    """Sends a request as the arguments say, and writes the body of the response to stdout."""
    parser = argparse.ArgumentParser("curl")
    parser.add_argument("-s", action="store_true", required=True, help="show no progress, which this never does")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body", type=os.fsencode)
    parser.add_argument("url", type=urlsplit)
    arguments = parser.parse_args()
    connection = http.client.HTTPConnection(arguments.url.netloc, timeout=60)
    connection.request(
        arguments.method or ("GET" if arguments.body is None else "POST"),
        arguments.url._replace(scheme="", netloc="").geturl(),
        arguments.body,
        dict(header.split(": ", 1) for header in arguments.headers),
    )
    sys.stdout.buffer.write(connection.getresponse().read())


if __name__ == "__main__":
    main()

"""The `sellout` command, also where the extra that brings its packages is not installed."""

import sys

from sellout_adapters.extras import MissingExtra, naming_extras


def main() -> None:
    """Runs the command. Without `sellout[server]` it ends with status 1 and says what to install."""
    try:
        with naming_extras():
            from sellout_http.command import main as command  # noqa: PLC0415 - an extra
    except MissingExtra:
        sys.exit("sellout: the command's packages are not installed: pip install 'sellout[server]'")
    command()


if __name__ == "__main__":
    main()

"""The entry point of the `sellout` command. It also runs without the packages of `sellout[server]`."""

import sys

from sellout_adapters.extras import MissingExtra, naming_extras


def main() -> None:
    """Runs the command. Without `sellout[server]` it prints what to install and exits with status 1."""
    try:
        with naming_extras():
            from sellout_http.command import main as command  # noqa: PLC0415 - an extra
    except MissingExtra:
        sys.exit("sellout: the command's packages are not installed: pip install 'sellout[server]'")
    command()


if __name__ == "__main__":
    main()

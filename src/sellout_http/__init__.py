"""The documented HTTP API over the core, on Litestar, and the `sellout` command."""

"""The program in the docs that embeds the core runs as printed, and the tests run every program in the docs."""

import io
from contextlib import redirect_stdout

from tests.examples import pages, programs


def test_the_embedding_example_runs_and_prints_what_it_says() -> None:
    """The program has fewer than 20 lines of code. Its output is the comment in its last line."""
    (example,) = programs("docs/embedding.md")
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) < 20
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(example, "docs/embedding.md", "exec"), {})  # noqa: S102 - our own example
    assert printed.getvalue().strip() == lines[-1].split("# ")[1]


def test_only_pages_whose_programs_are_run_show_any() -> None:
    """The tests of durability run the programs of the other page."""
    assert pages() == ["docs/embedding.md", "docs/write-a-store.md"]

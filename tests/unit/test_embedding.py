"""The program that embeds the core runs as printed, and no page shows a program that is not run."""

import io
from contextlib import redirect_stdout

from tests.examples import pages, programs


def test_the_embedding_example_runs_and_prints_what_it_says() -> None:
    """It is under 20 lines of code, and its last line's comment is its output."""
    (example,) = programs("docs/embedding.md")
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) < 20
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(example, "docs/embedding.md", "exec"), {})  # noqa: S102 - the example is ours
    assert printed.getvalue().strip() == lines[-1].split("# ")[1]


def test_only_pages_whose_programs_are_run_show_any() -> None:
    """The other one's are run by the tests of durability."""
    assert pages() == ["docs/embedding.md", "docs/write-a-store.md"]

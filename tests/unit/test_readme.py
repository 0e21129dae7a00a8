"""The README's Python runs as printed."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_embedding_example_runs_and_prints_what_it_says() -> None:
    """It is under 20 lines of code, and its last line's comment is its output."""
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) < 20
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(example, str(README), "exec"), {})  # noqa: S102 - the example is ours
    assert printed.getvalue().strip() == lines[-1].split("# ")[1]

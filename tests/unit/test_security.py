"""SECURITY.md names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(?:tests/\w+/)?(\w+\.py)(?:::(\w+))?`", TEXT)))
# Levels 1 and 2 of ASVS 5.0, how many requirements each section has.
SECTIONS = ["1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3", "2.4", "3.2", "3.3", "3.4", "3.5", "3.7", "4.1", "4.2", "4.3", "4.4", "6.1", "6.2", "6.3", "6.4", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "8.1", "8.2", "8.3", "8.4", "9.1", "9.2", "11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "12.1", "12.3", "13.1", "13.2", "13.3", "13.4", "14.1", "14.2", "14.3", "15.1", "15.2", "15.3", "16.1", "16.2", "16.3", "16.4", "16.5"]  # fmt: skip


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file} {name}" for file, name in NAMED])
def test_what_holds_a_requirement_is_there(file: str, name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
    assert any(f"def {name}(" in text for text in texts) if name else texts


def test_every_section_with_requirements_of_the_first_two_levels_is_answered() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if re.match(r"\| \d", line)]
    answered = {requirement.rpartition(".")[0] for row in rows for requirement in re.findall(r"\d+\.\d+\.\d+", row)}
    assert set(SECTIONS) <= answered

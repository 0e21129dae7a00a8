"""The tests that SECURITY.md names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(?:tests/\w+/)?(\w+\.py)(?:::(\w+))?`", TEXT)))
# The sections of ASVS 5.0 with requirements of levels 1 and 2, by chapter.
SECTIONS = {
    1: (1, 2, 3, 4, 5),
    2: (1, 2, 3, 4),
    3: (2, 3, 4, 5, 7),
    4: (1, 2, 3, 4),
    5: (1, 2, 3, 4),
    6: (1, 2, 3, 4),
    7: (1, 2, 3, 4, 5, 6),
    8: (1, 2, 3, 4),
    9: (1, 2),
    11: (1, 2, 3, 4, 5, 6),
    12: (1, 3),
    13: (1, 2, 3, 4),
    14: (1, 2, 3),
    15: (1, 2, 3),
    16: (1, 2, 3, 4, 5),
}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file} {name}" for file, name in NAMED])
def test_what_holds_a_requirement_is_there(file: str, name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
    assert any(f"def {name}(" in text for text in texts) if name else texts


def test_the_limits_are_the_settings() -> None:
    """Each setting that the table of limits names has the default that the page of settings states."""
    settings = {
        variable: default
        for _, variable, default in re.findall(
            r"^\|([^|]*)\| `(SELLOUT_\w+)` \| ([^|]+) \|",
            (ROOT / "docs/settings.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }
    limits = re.findall(r"^\|[^|]+\|[^|]*`(SELLOUT_\w+)` \| ([^|]+) \|", TEXT, re.MULTILINE)
    assert len(limits) > 15
    assert dict(limits).items() <= settings.items()


def test_every_section_with_requirements_of_the_first_two_levels_is_answered() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if re.match(r"\| \d", line)]
    answered = {requirement.rpartition(".")[0] for row in rows for requirement in re.findall(r"\d+\.\d+\.\d+", row)}
    assert {f"{chapter}.{section}" for chapter, sections in SECTIONS.items() for section in sections} <= answered

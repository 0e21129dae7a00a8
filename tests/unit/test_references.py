"""References to the docs and links between pages lead to an existing file and anchor."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROGRAMS = sorted(
    path for folder in ("src", "tests", "benchmarks", "examples") for path in ROOT.glob(f"{folder}/**/*.py")
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
REFERENCE = re.compile(r"\b(docs/[\w/.-]+\.md)(?:#([\w-]+))?")
VAGUE = re.compile(r"\b[Cc]ontract, (?:[A-Z0-9]|section)")
SOURCE = re.compile(r"`(?:src/)?((?:sellout_(?:core|adapters|http)|tests|benchmarks|examples)/[\w/.-]*)`")


@cache
def anchors(page: Path) -> frozenset[str]:
    """The explicit anchors of a page, and the anchors of its headings."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return frozenset(slugs | set(re.findall(r'<a id="([^"]+)">', text)))


def faults(where: Path, target: Path, anchor: str | None) -> Iterator[str]:
    if not target.exists():
        yield f"{where.relative_to(ROOT)}: {target.name} is not there"
    elif anchor is not None and anchor not in anchors(target):
        yield f"{where.relative_to(ROOT)}: {target.name} has no anchor {anchor}"


def test_links_between_pages_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in LINK.findall(page.read_text(encoding="utf-8"))]
    assert len(links) > 10
    found = [
        fault
        for page, (path, anchor) in links
        for fault in faults(page, (page.parent / path).resolve() if path else page, anchor or None)
    ]
    assert found == []


def test_references_in_programs_and_pages_lead_somewhere() -> None:
    references = [
        (path, match)
        for path in (*PROGRAMS, *PAGES)
        for match in REFERENCE.finditer(path.read_text(encoding="utf-8"))
        if path != Path(__file__)
    ]
    assert len(references) > 20
    assert [fault for path, match in references for fault in faults(path, ROOT / match[1], match[2])] == []


def test_no_reference_names_a_document_without_its_place() -> None:
    pages_and_programs = [path for path in (*PROGRAMS, *PAGES) if path != Path(__file__)]
    vague = [path for path in pages_and_programs if VAGUE.search(path.read_text(encoding="utf-8"))]
    assert vague == []


def test_a_vague_reference_is_found_out() -> None:
    assert VAGUE.search("rounds half up (contract, Checkout, 3)")
    assert VAGUE.search("Contract, Checkout, 1 to 6.")
    assert VAGUE.search("as in contract, Register")
    assert not VAGUE.search("def _run(contract, law, wanted): ...")
    assert not VAGUE.search("(docs/http-contract.md#checkout-3)")


def test_pages_name_files_and_folders_that_are_there() -> None:
    named = [(page, match[1]) for page in PAGES for match in SOURCE.finditer(page.read_text(encoding="utf-8"))]
    assert len(named) > 20
    assert [
        f"{page.name}: {path}"
        for page, path in named
        if not any((root / path).exists() for root in (ROOT, ROOT / "src"))
    ] == []


def test_a_missing_page_and_a_missing_anchor_are_found_out() -> None:
    here, contract = Path(__file__), ROOT / "docs" / "http-contract.md"
    assert list(faults(here, ROOT / "docs" / "nothing.md", None)) == [
        "tests/unit/test_references.py: nothing.md is not there"
    ]
    assert list(faults(here, contract, "checkout-9")) == [
        "tests/unit/test_references.py: http-contract.md has no anchor checkout-9"
    ]
    assert list(faults(here, contract, "checkout-8")) == []

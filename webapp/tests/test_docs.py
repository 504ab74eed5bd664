"""The documentation against the code: settings both ways, links, and the tests it names."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = {path.name: path.read_text("utf-8") for path in sorted((REPOSITORY / "docs").glob("*.md"))}
SETTING = re.compile(r"\b(?:SONOLOOP_[A-Z_]+|DATABASE_URL|REDIS_URL|STORAGE_URL)\b")
READ = re.compile(r'\bread_(?:text|flag|number|list|folder|url)\(\s*"([A-Z_]+)"')


def anchor(heading: str) -> str:
    """How GitHub names a heading's place."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_setting_is_in_the_table_and_every_name_in_the_docs_is_a_setting():
    read = {name for path in (REPOSITORY / "webapp").glob("*.py") for name in READ.findall(path.read_text("utf-8"))}
    assert read, "no reader found: has its spelling changed?"
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", DOCS["operate.md"], re.MULTILINE)) == read
    assert {name for text in DOCS.values() for name in SETTING.findall(text)} <= read


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCS[name]):
        if "://" in target:
            continue
        page, _, place = target.partition("#")
        text = DOCS[page or name]
        headings = {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        assert not place or place in headings, target


@pytest.mark.parametrize("name", DOCS)
def test_the_tests_it_names_are_there(name):
    path = ""
    for file, function in re.findall(r"`([\w/]+\.py)?::(\w+)`", DOCS[name]):
        path = file or path
        assert re.search(rf"^\s*def {function}\(", (REPOSITORY / path).read_text("utf-8"), re.MULTILINE), function

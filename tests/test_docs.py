"""What the pages say is where they say it."""

import csv
import hashlib
import importlib.util
import re
import subprocess
import sys
import unicodedata
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = (ROOT / "docs" / "house.md").read_text("utf-8")


def found(name: str) -> list[Path]:
    """Files of the checkout that a page means by a path or the end of one, ``*`` for any name."""
    folders = ("", "rs_pipeline/", "kernels/", "tests/radiometry/", "tests/toy/toy_product/")
    return [p for folder in folders for p in ROOT.glob(folder + name.rstrip("/"))]


def test_every_file_and_folder_of_the_house_is_there():
    names = set(re.findall(r"`([\w*./-]+(?:\.py|\.yaml|\.md|\.toml|/[\w*]+))`", HOUSE))
    assert len(names) > 25
    assert sorted(n for n in names if not found(n) and not (ROOT / "rs_pipeline" / "products" / "land" / n).exists()) == []


def test_every_function_of_the_table_is_in_its_file():
    pairs = re.findall(r"`(\w+)`(?: \(`(\w+)`, `(\w+)`\))? in `([\w/.]+\.py)`", HOUSE)
    assert len(pairs) >= 4
    for *names, path in pairs:
        text = found(path)[0].read_text("utf-8")
        assert all(f"def {name}(" in text for name in names if name), (names, path)


def test_every_field_report_names_a_thread_and_a_test_that_is_there():
    with open(ROOT / "docs" / "field_reports_bureaus.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({r["link"] for r in rows}) == len(rows) >= 15 and all(all(r.values()) for r in rows)
    for row in rows:
        path, _, name = row["test"].partition("::")
        assert row["link"].startswith("https://github.com/") and f"def {name}(" in (ROOT / path).read_text("utf-8"), row["link"]


def test_every_promise_names_tests_and_attacks_that_are_there():
    from benchmarks.attack import attacks_of, kinds

    rows = [
        line.split(" | ")
        for line in (ROOT / "docs" / "promises.md").read_text("utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| promise")
    ]
    there = [f"{kind}: {attack.name}" for kind in kinds() for attack in attacks_of(kind)]
    assert len(rows) >= 20
    for promise, _, tests, attacks in rows:
        named, tried = re.findall(r"`([^`]+)`", tests), re.findall(r"`([^`]+)`", attacks)
        assert named and tried, promise
        assert [path for path in named if not (ROOT / path).exists()] == [], promise
        assert [name for name in tried if not any(attack.startswith(name) for attack in there)] == [], promise


def test_the_pages_of_standards_are_those_of_the_table():
    from benchmarks.standards import PAGE, PAGE_CHINESE, chinese_page, standards_page
    from rs_pipeline.indicators.targets import load_targets
    from rs_pipeline.indicators.values import INDICATORS

    targets = load_targets(ROOT / "config" / "targets.csv", INDICATORS)
    assert PAGE.read_text("utf-8") == standards_page(targets)
    assert PAGE_CHINESE.read_text("utf-8") == chinese_page(targets)
    assert not re.search(r"\b[a-z]{3,} [a-z]{3,}\b", PAGE_CHINESE.read_text("utf-8").partition("|---|")[2])


PAGES = sorted(p.relative_to(ROOT).as_posix() for p in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "config" / "sensors" / "README.md"))

CHINESE = {"README.zh.md": "README.md"} | {
    f"docs/zh/{name}.md": f"docs/{place}{name}.md"
    for name, place in (("quick_start", ""), ("read_results", "howto/"), ("concepts", ""), ("verdicts", ""), ("standards", ""), ("field_work", "howto/"))
}
"""Chinese page to the English one that it says the same as."""


def without_code(text: str) -> str:
    """A page without its code, in which brackets are no links."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


@cache
def anchors(page: Path) -> set[str]:
    """Names that the headings of a page get, by GitHub and by mkdocs alike."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL), re.MULTILINE)
    plain = [unicodedata.normalize("NFKD", h).encode("ascii", "ignore").decode() for h in headings]
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in plain}


def dead_links(page: Path) -> list[str]:
    """Relative links of a page whose file or heading is not there."""
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text("utf-8"))):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.is_file() or (anchor and anchor not in anchors(there)):
            dead.append(target)
    return dead


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    assert dead_links(ROOT / page) == []


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "there.md").write_text("# A `key_a`, and more\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md) [b](there.md#a-key_a-and-more) [c](gone.md) [d](there.md#gone) `[e](code.md)` [f](https://example.org/x)", "utf-8")
    assert dead_links(page) == ["gone.md", "there.md#gone"]


def test_pages_of_the_site_link_inside_it_and_stand_in_its_menu():
    menu = re.findall(r"^\s+- .*: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    there = sorted(p.removeprefix("docs/") for p in PAGES if p.startswith("docs/"))
    assert sorted(menu) == there
    out = {
        p: [
            t
            for t in re.findall(r"\]\(([^)\s]+)\)", without_code((ROOT / p).read_text("utf-8")))
            if not (ROOT / p).parent.joinpath(t).resolve().is_relative_to(ROOT / "docs")
        ]
        for p in PAGES
        if p.startswith("docs/")
    }
    assert {p: links for p, links in out.items() if any("://" not in link for link in links)} == {}


def translated_part(text: str) -> str:
    """What a translation says again: without the tables that a program puts in."""
    return re.sub(r"<!-- accuracy table: .*?<!-- end of the accuracy table -->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", CHINESE)
def test_a_chinese_page_is_not_older_than_the_english_one(page):
    english = CHINESE[page]
    digest = hashlib.sha256(translated_part((ROOT / english).read_text("utf-8")).encode()).hexdigest()[:12]
    first = (ROOT / page).read_text("utf-8").splitlines()[0]
    assert first == f"<!-- made from {english}, sha256 {digest} -->", (
        f"{english} has changed: bring {page} up to date, then write this digest into its first line"
    )


def test_every_chinese_page_is_held_to_an_english_one():
    assert sorted(CHINESE) == [p for p in PAGES if p.endswith(".zh.md") or p.startswith("docs/zh/")]


def commands(text: str) -> list[list[str]]:
    """Commands `rs-pipeline …` of a page's code, cut into words; a comment ends one."""
    code = re.findall(r"```(?:bash|text)?\n(.*?)```|`([^`\n]*)`", text, re.DOTALL)
    lines = [line.partition("  #")[0] for block, inline in code for line in (block or inline).splitlines()]
    return [found[1].split() for line in lines for found in re.finditer(r"(?:^|[ /])rs-pipeline ([a-z-]+(?: [^;&|]*)?)", line)]


@pytest.mark.parametrize("page", [p for p in PAGES if p != "CHANGELOG.md"])
def test_every_command_that_is_shown_is_there(page):
    from benchmarks.reference import verbs

    known = {name: {option for p in verb.params for option in p.opts} for _, name, verb in verbs()}
    for verb, *rest in commands((ROOT / page).read_text("utf-8")):
        options = {word.partition("=")[0] for word in rest if word.startswith("--")} - {"--help"}
        assert verb.startswith("-") or (verb in known and (verb == "run" or options <= known[verb])), (verb, rest)


@pytest.mark.parametrize("page", [p for p in PAGES if not p.startswith("docs/reference/")])
def test_every_key_that_is_named_is_there(page):
    from benchmarks.reference import configuration_keys

    known = {key.replace("[]", "") for _, _, rows in configuration_keys() for key, *_ in rows}
    sections = {key for key in known if "." not in key} - {"products"}  # a package of the code too
    endings = r"\.(?:py|csv|md|json|parquet|gpkg|yaml|tif|txt|xlsx|html)$"
    named = {
        key
        for key in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?:: [^`]*)?`", (ROOT / page).read_text("utf-8"))
        if key.partition(".")[0] in sections and not re.search(endings, key)
    }
    assert sorted(named - known) == []


def test_commands_of_a_page():
    text = "Run `rs-pipeline plan --config a.yaml`; then\n```bash\n.venv/bin/rs-pipeline init --quick   # two counties\ncd x && rs-pipeline run -n\n```\n`rs-pipeline`"
    assert commands(text) == [["plan", "--config", "a.yaml"], ["init", "--quick"], ["run", "-n"]]


def test_pictures_are_small():
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures and sum(p.stat().st_size for p in pictures) < 300_000


def test_the_site_is_built_without_a_warning(tmp_path):
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: pip install -e '.[docs]'")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "quick_start" / "index.html").is_file()

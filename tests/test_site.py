"""The pages of docs/ as the site that readers open."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//|<link\b[^>]*rel=["']?(?:stylesheet|preload|icon)[^>]*href=["']?(https?:)?//"""
)
"""What a page would fetch from another host when it is opened."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built without a network; a dead link, a heading that is not there, or a page outside the menu fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_of_docs_is_a_page_of_the_site(site):
    pages = [p.relative_to(ROOT / "docs").with_suffix("").as_posix() for p in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 25 and [p for p in pages if p != "index" and not (site / p / "index.html").is_file()] == []
    assert (site / "index.html").is_file() and (site / "search" / "search_index.json").is_file()


def test_pages_load_nothing_from_elsewhere(site):
    pages = {p.relative_to(site).as_posix(): p.read_text("utf-8") for p in site.rglob("*.html")}
    assert {name: found.group() for name, text in pages.items() if (found := LOADED.search(text))} == {}
    assert not any('class="mermaid"' in text for text in pages.values()), "for these the theme fetches a program when the page is opened"
    assert LOADED.search('<script src="https://example.org/x.js">') and LOADED.search('<link rel="stylesheet" href="//example.org/x.css">')


def test_the_pictures_of_the_pages_are_in_the_site(site):
    for page in site.rglob("*.html"):
        for target in re.findall(r'<img\b[^>]*\bsrc="([^"#?]+)"', page.read_text("utf-8")):
            assert (page.parent / target).resolve().is_file(), f"{page.relative_to(site)}: {target}"

"""Settings of the site: the documents of this folder, and the public functions' own.

`sphinx-build -W docs SITE` writes it into the folder SITE; the extra `docs` has what it takes.
"""

from pathlib import Path

from sphinx.application import Sphinx

from gradkit import __version__

project = "gradkit"
version = release = __version__
author = "The gradkit developers"
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["README.md"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False

html_theme = "furo"
html_title = f"gradkit {version}"
html_show_sourcelink = False

MENDED = {
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Documents">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    '<div id="search-results">': '<h1>Search</h1><div tabindex="-1" id="search-results">',
}
"""What bars people from pages as Sphinx and the theme write them, and what stands there instead.

What is wide can be scrolled by keyboard; headings have levels, and parts of a page names."""


def mend(app: Sphinx, failure: Exception | None) -> None:
    """Write the pages as above; what was mended by an earlier run stays as it is."""
    for page in () if failure else Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for found, made in MENDED.items():
            text = text.replace(found, made)
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Ask for it once all pages are written."""
    app.connect("build-finished", mend)

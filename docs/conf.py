"""Settings of the site: the documents of this folder, and the public functions' own.

`sphinx-build -W docs SITE` writes it into the folder SITE; the extra `docs` has what it takes.
"""

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

html_theme = "alabaster"
html_theme_options = {
    "description": "grades students' hand-written backpropagation",
    "fixed_sidebar": True,
    "show_powered_by": False,
}
html_show_sourcelink = False

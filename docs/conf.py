"""Sphinx settings; what the code declares is turned into pages before each build."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from make_dictionary import write_pages  # noqa: E402

write_pages(HERE / "generated")

project = "mslesion"
author = "The mslesion developers"
project_copyright = "The mslesion developers"
version = release = version_of("mslesion")

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "sphinxcontrib.bibtex"]
exclude_patterns = ["_build", "generated"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"mslesion {version}"
html_show_sphinx = False

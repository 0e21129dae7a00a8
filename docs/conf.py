"""Builds the documentation with Sphinx: `nox -s checks`."""

from importlib.metadata import version as version_of

project = "SellOut"
author = "The SellOut authors"
version = release = version_of("sellout")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = f"SellOut {version}"
exclude_patterns = ["_build"]

myst_heading_anchors = 3
# Anchors that are written as HTML work on every host of these pages; tests/unit/test_references.py checks every link.
suppress_warnings = ["myst.xref_missing", "misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True

"""How Sphinx builds these pages: `make docs`."""

project = "Switchboard"
author = "The Switchboard developers"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Switchboard"
myst_heading_anchors = 3

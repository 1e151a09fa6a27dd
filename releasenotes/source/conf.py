"""Sphinx configuration of the release notes."""

project = 'esi-worker release notes'
copyright = 'esi-worker developers'  # noqa: A001
extensions = ['reno.sphinxext']
html_theme = 'alabaster'

"""Sphinx configuration of the documentation."""

from importlib import metadata
import warnings

# The commands' modules are imported, and one of them brings eventlet.
warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')

project = 'esi-worker'
copyright = 'esi-worker developers'  # noqa: A001
version = release = metadata.version('esi-worker')

extensions = [
    'cliff.sphinxext',
    'oslo_config.sphinxext',
]
html_theme = 'alabaster'
html_theme_options = {'description': 'Workers over etcd that drive Heat'}
nitpicky = True

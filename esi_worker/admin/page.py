# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The page itself: three files of this package, nothing from elsewhere."""

from __future__ import annotations

from importlib import resources
from typing import Any

import falcon

_FILES = {
    '/': ('index.html', 'text/html; charset=utf-8'),
    '/static/page.js': ('page.js', 'text/javascript; charset=utf-8'),
    '/static/page.css': ('page.css', 'text/css; charset=utf-8'),
}


class File:
    """One file, read once."""

    def __init__(self, name: str, content_type: str) -> None:
        folder = resources.files('esi_worker.admin').joinpath('static')
        self._data = folder.joinpath(name).read_bytes()
        self._type = content_type

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = self._type
        resp.data = self._data
        # After an upgrade the new files are to be used at once.
        resp.set_header('Cache-Control', 'no-cache')


def add_routes(app: Any) -> None:
    for path, (name, content_type) in _FILES.items():
        app.add_route(path, File(name, content_type))

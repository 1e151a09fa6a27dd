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

"""A script for stand-in resources, by the name of the resource.

A marker is a word such as ``fail-create`` or ``wait-update-2.5s``:

* ``fail-<action>``: the action fails, with the marker in the reason;
* ``wait-<action>-<seconds>s``: the action takes that long;
* ``wait-<seconds>s``: create and update both take that long;
* ``hold``: create and update do not end before the marker is taken away;
* ``id-<uuid>``: the resource gets this id when it is created,

with create, update or delete as action. Markers are looked for anywhere in
the stand-in's ``name`` property (the recorded templates put the resource's
id there), and in the file of that name in the faults folder; so a test may
let an ordinary resource fail, and heal it later, or keep a server in
progress until what it needs is there. ``Faults`` writes that
folder; the functions read it for the Heat plug-in in ``contrail/plugin``.
Nested templates are plain Heat and never misbehave.
"""

from __future__ import annotations

import os
from pathlib import Path
import re
from urllib import parse

FOLDER_VARIABLE = 'ESI_EMBEDDED_FAULTS'
"""Names the folder to the Heat process."""

_IDENTITY = re.compile(
    r'(?<!\S)id-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
)
_HOLD = re.compile(r'(?<!\S)hold(?!\S)')
_WAIT = re.compile(r'wait-(?:(create|update|delete)-)?(\d+(?:\.\d+)?)s\b')


class Faults:
    """The faults folder of one Heat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)

    def set(self, name: str, *markers: str) -> None:
        """From now on, resources with this name property misbehave."""
        draft = self.folder / '.draft'
        draft.write_text(' '.join(markers), encoding='utf-8')
        draft.replace(_file(self.folder, name))

    def clear(self, name: str) -> None:
        """Let them behave again; no error when they did."""
        _file(self.folder, name).unlink(missing_ok=True)

    def clear_all(self) -> None:
        """Let all behave again."""
        for path in self.folder.iterdir():
            path.unlink()


def markers_of(name: str) -> str:
    """The text in which to look for markers of the resource."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder or not name:
        return name
    try:
        return f'{name} {_file(Path(folder), name).read_text()}'
    except OSError:
        return name


def seconds(markers: str, action: str) -> float:
    """How long the markers ask the action to take."""
    found = [
        float(number)
        for named, number in _WAIT.findall(markers)
        if named == action or (not named and action != 'delete')
    ]
    return max(found, default=0.0)


def fails(markers: str, action: str) -> bool:
    """Whether the markers ask the action to fail."""
    return f'fail-{action}' in markers


def holds(markers: str, action: str) -> bool:
    """Whether the markers keep the action from ending."""
    return action != 'delete' and _HOLD.search(markers) is not None


def identity(markers: str) -> str | None:
    """The id that the markers ask for."""
    found = _IDENTITY.search(markers)
    return found.group(1) if found else None


def _file(folder: Path, name: str) -> Path:
    return folder / parse.quote(name, safe='')

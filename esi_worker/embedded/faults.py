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

"""Makes stand-in resources fail or wait, by the name of the resource.

A marker is a word such as ``fail-create`` or ``wait-update-2.5s``:

* ``fail-<action>``: the action fails, with the marker in the reason;
* ``wait-<action>-<seconds>s``: the action takes that long;
* ``wait-<seconds>s``: create and update both take that long,

with create, update or delete as action. Markers are looked for anywhere in
the stand-in's ``name`` property (the recorded templates put the resource's
id there), and in the file of that name in the faults folder, which this
class writes; so a test may let an ordinary resource fail and heal it later.
The reader is the Heat plug-in in ``contrail/plugin``; nested templates are
plain Heat and do not misbehave.
"""

from __future__ import annotations

from pathlib import Path
from urllib import parse

FOLDER_VARIABLE = 'ESI_EMBEDDED_FAULTS'
"""Names the folder to the Heat process."""


class Faults:
    """The faults folder of one Heat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)

    def set(self, name: str, *markers: str) -> None:
        """From now on, resources with this name property misbehave."""
        draft = self.folder / '.draft'
        draft.write_text(' '.join(markers), encoding='utf-8')
        draft.replace(self._file(name))

    def clear(self, name: str) -> None:
        """Let them behave again; no error when they did."""
        self._file(name).unlink(missing_ok=True)

    def clear_all(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()

    def _file(self, name: str) -> Path:
        return self.folder / parse.quote(name, safe='')

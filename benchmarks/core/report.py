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

"""The table and the last line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
import os
from pathlib import Path
import platform

Row = tuple[str, str]


def print_table(rows: Iterable[Row]) -> None:
    """Print what was measured, a line each."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f'{name:{width}}  {value}')


def machine() -> Row:
    """What it was measured on."""
    load = os.getloadavg()[0]
    return (
        'machine',
        f'{os.cpu_count()} cores, load {load:.1f} at the end, '
        f'{platform.system()} {platform.machine()}, '
        f'Python {platform.python_version()}',
    )


def last_line(values: Mapping[str, float]) -> str:
    return ' '.join(f'{name}={value:.2f}' for name, value in values.items())


def write_json(path: Path, values: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + '\n')

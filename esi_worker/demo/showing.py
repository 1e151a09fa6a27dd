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

"""What the demo prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
import json
from typing import Any

from esi_worker.demo.points import Sighting

#: Takes one line of text.
Print = Callable[[str], None]

_ROW = '{:>5}  {:>9}  {:>8}  {:<20} {}'


def header(show: Print) -> None:
    """The head of the table."""
    show(_ROW.format('point', 'seconds', 'revision', 'what', 'key'))
    show('-' * 100)


def row(show: Print, sighting: Sighting) -> None:
    """One line of the table."""
    show(
        _ROW.format(
            f'({sighting.point.number})',
            f'{sighting.seconds:.3f}',
            sighting.revision,
            sighting.point.title,
            sighting.key,
        )
    )
    summary = _summary(sighting)
    if summary:
        show(f'{"":>27}{summary}')


def in_full(show: Print, sightings: Iterable[Sighting]) -> None:
    """Every key with its whole value."""
    for sighting in sightings:
        show('')
        show(f'({sighting.point.number}) {sighting.key}')
        show(json.dumps(sighting.value, indent=4, sort_keys=True))


def _summary(sighting: Sighting) -> str:
    maker = _SUMMARIES.get(sighting.point.number)
    return '' if maker is None else maker(sighting.value)


def _job(value: Any) -> str:
    job = value[1]
    return (
        f'{job["action"]} by {value[0]}, {len(job["params"])} parameters, '
        f'waits for {len(job["dependency"])} jobs'
    )


_SUMMARIES: dict[int, Callable[[Any], str]] = {
    1: lambda value: f'version {value["version"]}',
    2: _job,
    3: lambda value: (
        f'{value["stack_status"]}, {len(value["output"])} outputs'
    ),
    4: lambda value: str(value['orchestration_state']),
    5: lambda value: (
        f'{value["state"]["worker_state"]}, version {value["version"]}, '
        f'error {value["error"]!r}'
    ),
    6: lambda value: (
        f'{json.dumps(value, sort_keys=True)} (FAIL: the demo has no '
        'analytics server to ask)'
    ),
}

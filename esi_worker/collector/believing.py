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

"""Takes from what a poller tells only what can be kept and shown.

Pollers are plugins, and devices tell them anything. A value that JSON,
etcd or Prometheus cannot hold is a failure, and so is a status that is
left out: else the last good one would stand for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import json

from esi_worker.collector.results import STATUS, Failure, Result, Sample
from esi_worker.collector.target_types import TargetType
from esi_worker.model.codec import Json

#: What a counter of 64 bits never reaches.
_TOO_LARGE = 2**64
_MAX_BYTES = 4096


def usable(found: object, row: TargetType) -> tuple[Result, ...]:
    """The results of one target, every value plain JSON.

    :param found: what the poller returned for the target
    :param row: the target's type
    """
    told = found if isinstance(found, Iterable) else ()
    results = tuple(_checked(told))
    if not results:
        names = row.results or (STATUS,)
        return tuple(Failure(name, 'the poll left it out') for name in names)
    is_missing = all(each.name != STATUS for each in results)
    if is_missing and STATUS in row.results:
        return (Failure(STATUS, 'the poll left it out'), *results)
    return results


def _checked(told: Iterable[object]) -> Iterator[Result]:
    for each in told:
        if isinstance(each, Failure):
            yield each
        elif isinstance(each, Sample):
            try:
                yield Sample(each.name, _plain(each.value))
            except (ValueError, TypeError, RecursionError):
                yield Failure(each.name, 'its value cannot be shown')


def _plain(value: object) -> Json:
    """The value as another program would read it.

    :raises ValueError: it cannot, or should not have to
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if len(text.encode()) > _MAX_BYTES:
        raise ValueError
    plain = json.loads(text, parse_int=_number)
    if plain is None:
        raise ValueError
    return plain


def _number(digits: str) -> int:
    number = int(digits)
    if abs(number) >= _TOO_LARGE:
        raise ValueError
    return number

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

"""The latest transitions of each resource, for people.

Lies under ``/esi-worker/history`` as a JSON list, newest last, and is
written in the transaction that finishes a job.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.model import Job, codec
from esi_worker.model.codec import Json

#: How many transitions are kept.
KEPT = 20
_CACHED = 5000


class History:
    """Appends lines to the histories; reads each at most once."""

    def __init__(
        self, reader: store.Store, keys: store.KeyLayout, clock: clocks.Clock
    ) -> None:
        self._store = reader
        self._keys = keys
        self._clock = clock
        self._lines: collections.OrderedDict[str, list[Json]] = (
            collections.OrderedDict()
        )

    def prefetch(self, paths: Iterable[str]) -> None:
        """Read the histories of several resources in one request."""
        wanted = self.unread(paths)
        if wanted:
            self.take(wanted, self._store.get_many(wanted))

    def unread(self, paths: Iterable[str]) -> list[str]:
        """The keys of the histories that are not known here."""
        return [
            self._keys.history(path)
            for path in dict.fromkeys(paths)
            if path not in self._lines
        ]

    def take(
        self, wanted: Iterable[str], found: Mapping[str, store.KeyValue]
    ) -> None:
        """Take in what was found of these keys."""
        prefix = len(self._keys.history(''))
        for key in wanted:
            kv = found.get(key)
            self._lines[key[prefix:]] = [] if kv is None else _decode(kv)
        while len(self._lines) > _CACHED:
            self._lines.popitem(last=False)

    def put(self, path: str, job: Job, error: str | None) -> store.Put:
        """The operation that appends the end of a job."""
        lines = self._lines.get(path, [])
        line: dict[str, Json] = {
            'time': clocks.timestamp(self._clock),
            'job': job.id,
            'action': job.action.value,
            'handler': job.handler,
            'version': job.version,
        }
        if error is not None:
            line['error'] = error
        lines = [*lines, line][-KEPT:]
        self._lines[path] = lines
        return store.Put(self._keys.history(path), codec.dumps(lines))

    def forget(self, path: str) -> store.Delete:
        """The operation that removes a history."""
        self._lines.pop(path, None)
        return store.Delete(self._keys.history(path))


def _decode(kv: store.KeyValue) -> list[Json]:
    try:
        value = codec.loads(kv.key, kv.value)
    except exceptions.DecodeError:
        return []
    return value if isinstance(value, list) else []

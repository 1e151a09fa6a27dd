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

"""What stands in the monitoring and state keys, as the watch shows it.

With it a poll that changes nothing costs no request, a key that is lost
or overwritten is noticed at once, and so is a state that came after the
value. It only ever saves work: whoever writes reads again first.
"""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import threading
import uuid

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.collector.syncers import published

LOG = logging.getLogger(__name__)

_WAIT = 1.0
_PAUSE = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class StateSeen:
    """A published state: when it was written, and for which version."""

    revision: int
    version: int | None

    @classmethod
    def of(cls, kv: store.KeyValue) -> StateSeen:
        return cls(kv.mod_revision, published.version_in(kv.value))


class MonitoringView:
    """Follows the monitoring and state keys in a thread of its own."""

    def __init__(
        self,
        backend: store.Store,
        keys: store.KeyLayout,
        clock: clocks.Clock,
        silence_deadline: float,
    ) -> None:
        self._keys = keys
        self._monitoring: dict[str, store.KeyValue] = {}
        self._states: dict[str, StateSeen] = {}
        self._lock = threading.Lock()
        self._listed: set[str] = set()
        self._prefixes = (keys.monitoring(''), keys.state(''))
        self._follower = store.Follower(
            backend,
            self._prefixes,
            pulse_key=keys.pulse(f'syncer-{uuid.uuid4()}'),
            silence_deadline=silence_deadline,
            clock=clock,
        )
        self._thread: threading.Thread | None = None

    def start(self, on_change: Callable[[str], None]) -> None:
        """Follow from now on.

        :param on_change: called with the path of a resource whose
            monitoring or state has changed
        """
        self._thread = threading.Thread(
            target=self._run, args=(on_change,), name='view', daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._follower.close()
        if self._thread is not None:
            self._thread.join()

    @property
    def current(self) -> bool:
        """Whether it shows what stands there, as far as anybody knows."""
        listed = len(self._listed) == len(self._prefixes)
        return listed and self._follower.alive

    def monitoring(self, path: str) -> store.KeyValue | None:
        with self._lock:
            return self._monitoring.get(path)

    def state(self, path: str) -> StateSeen | None:
        with self._lock:
            return self._states.get(path)

    def step(self, wait: float) -> list[str] | None:
        """Take in the next thing that happened.

        :returns: the paths that have changed, None when nothing has
        """
        item = self._follower.poll(wait)
        if item is None:
            return None
        with self._lock:
            if isinstance(item, store.Snapshot):
                return self._take_snapshot(item)
            for event in item.events:
                self._take_event(item.prefix, event)
        start = len(item.prefix)
        return [event.kv.key[start:] for event in item.events]

    def _run(self, on_change: Callable[[str], None]) -> None:
        while not self._follower.closed:
            try:
                for path in self.step(_WAIT) or ():
                    on_change(path)
            except Exception:
                LOG.exception('What happened to monitoring keys is unclear')
                self._listed.clear()
                self._follower.relist()
                threading.Event().wait(_PAUSE)

    def _take_snapshot(self, snapshot: store.Snapshot) -> list[str]:
        start = len(snapshot.prefix)
        self._listed.add(snapshot.prefix)
        if snapshot.prefix == self._prefixes[0]:
            before = set(self._monitoring)
            self._monitoring = {kv.key[start:]: kv for kv in snapshot.items}
            return sorted(before.union(self._monitoring))
        self._states = {
            kv.key[start:]: StateSeen.of(kv) for kv in snapshot.items
        }
        return sorted(self._states)

    def _take_event(self, prefix: str, event: store.Event) -> None:
        path = event.kv.key[len(prefix) :]
        gone = event.type is store.EventType.DELETE
        if prefix == self._prefixes[0]:
            self._monitoring.pop(path, None)
            if not gone:
                self._monitoring[path] = event.kv
            return
        self._states.pop(path, None)
        if not gone:
            self._states[path] = StateSeen.of(event.kv)

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

"""Which targets publish in which monitoring key, and since when."""

from __future__ import annotations

from collections.abc import Sequence
import threading


class Places:
    """Remembers, for the targets that are polled here; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[str, set[str]] = {}
        self._paths: dict[str, str] = {}
        self._written: dict[str, float] = {}
        self._released: dict[str, int] = {}

    def remember(self, target_id: str, path: str) -> None:
        """The target publishes under the path of this resource."""
        with self._lock:
            if self._paths.get(target_id) == path:
                return
            self._leave(target_id)
            self._paths[target_id] = path
            self._targets.setdefault(path, set()).add(target_id)

    def forget(self, target_id: str) -> None:
        with self._lock:
            self._leave(target_id)
            self._written.pop(target_id, None)
            self._released.pop(target_id, None)

    def at(self, path: str) -> Sequence[str]:
        """The ids of the targets that publish under a path."""
        with self._lock:
            return sorted(self._targets.get(path, ()))

    def written(self, target_id: str, now: float) -> None:
        with self._lock:
            self._written[target_id] = now

    def last_written(self, target_id: str, now: float) -> float:
        """When it was written last; ``now`` when nobody knows."""
        with self._lock:
            return self._written.setdefault(target_id, now)

    def release(self, target_id: str, version: int) -> None:
        """The hold of this version is over for good."""
        with self._lock:
            self._released[target_id] = version

    def is_released(self, target_id: str, version: int) -> bool:
        with self._lock:
            return self._released.get(target_id) == version

    def _leave(self, target_id: str) -> None:
        path = self._paths.pop(target_id, None)
        if path is None:
            return
        self._targets[path].discard(target_id)
        if not self._targets[path]:
            del self._targets[path]

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

"""Hands watch batches from the thread that reads to the one that asks.

The box is bounded: a consumer that falls behind slows its producer down
instead of filling the memory. An error ends the box, but what came
before the error is handed out first.
"""

from __future__ import annotations

from collections import deque
import threading
import time

from esi_worker import exceptions
from esi_worker.store import base


class Mailbox:
    """A queue of batches with an end; safe between threads."""

    def __init__(self, capacity: int | None = None) -> None:
        self._capacity = capacity
        self._batches: deque[base.WatchBatch] = deque()
        self._end: exceptions.StoreError | None = None
        self._changed = threading.Condition()

    def put(self, batch: base.WatchBatch) -> None:
        """Add a batch; waits while the box is full."""
        with self._changed:
            self._changed.wait_for(lambda: self._end or not self._full())
            if self._end is None:
                self._batches.append(batch)
                self._changed.notify_all()

    def end(self, error: exceptions.StoreError) -> None:
        """Take no more batches; only the first call counts."""
        with self._changed:
            if self._end is None:
                self._end = error
            self._changed.notify_all()

    def close(self) -> None:
        """End the box and drop what is in it."""
        with self._changed:
            self._batches.clear()
            self._end = exceptions.WatchDisconnected('the watch was closed')
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        return self._end is not None

    def get(self, timeout: float) -> base.WatchBatch | None:
        """Wait for a batch.

        :raises WatchError: the box has ended and is empty
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._batches:
                if self._end is not None:
                    # A fresh traceback each time, for it may be raised
                    # in several threads.
                    raise self._end.with_traceback(None)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)
            batch = self._batches.popleft()
            self._changed.notify_all()
            return batch

    def _full(self) -> bool:
        if self._capacity is None:
            return False
        return len(self._batches) >= self._capacity

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

"""Loops in real threads, and waiting for what they do."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from esi_worker import store

#: Seconds after which a test has failed.
PATIENCE = 60.0


class Loop(Protocol):
    """What runs in a thread until it is stopped."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


class Running:
    """A loop in a thread of its own."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._thread = threading.Thread(target=loop.run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the loop and wait for its end."""
        self.loop.stop()
        self.join()

    def join(self) -> None:
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise AssertionError('the loop does not end')


def await_key(target: store.Store, key: str, *, there: bool = True) -> None:
    """Wait until a key comes, or goes."""
    deadline = time.monotonic() + PATIENCE
    revision = target.range(key).revision
    with target.watch({key: revision}) as watch:
        while (target.get(key) is not None) is not there:
            if time.monotonic() > deadline:
                raise AssertionError(f'{key} stays as it is')
            watch.next(1.0)

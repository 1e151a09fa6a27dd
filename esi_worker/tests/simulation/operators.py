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

"""A model of the operators, who ask for things at any time.

They ask the manager to apply, pause, resume, forget and call off, with
and without reason, take requests back, and drain workers. In the end
they let everything go on that they have paused or drained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
import random

from esi_worker import store
from esi_worker.model import Request, ResourceRef
from esi_worker.model.codec import Json
from esi_worker.model.requests import REAPPLY
from esi_worker.scheduler.calling_off import CANCEL
from esi_worker.scheduler.forgetting import FORGET
from esi_worker.scheduler.pausing import PAUSE, RESUME
from esi_worker.tests.simulation import world
from esi_worker.tests.simulation.rest import Row
from esi_worker.tests.simulation.world import Place

#: Seconds that a request and its answer stay; some too short for the
#: manager to be there in time.
_TTLS = (30, 3600)


class Operator:
    """Does one thing at a time."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        source: random.Random,
        rows: Mapping[str, Row],
    ) -> None:
        """:param rows: what the REST server has, by paths"""
        self._store = target
        self._keys = keys
        self._random = source
        self._rows = rows
        self._asked = 0
        self._deeds: tuple[tuple[int, Callable[[], None]], ...] = (
            (4, self._reapply),
            (3, self._pause),
            (3, self._resume),
            (3, self._forget),
            (3, self._cancel),
            (1, self._take_back),
            (2, self._drain),
            (1, self._undrain),
        )

    def act(self) -> None:
        """Do something."""
        weights = [weight for weight, _ in self._deeds]
        deeds = [deed for _, deed in self._deeds]
        self._random.choices(deeds, weights)[0]()

    def let_go_on(self) -> None:
        """Resume what is paused, and let all workers take jobs."""
        open_ = {
            request.resource
            for request in self._requests().values()
            if request.answer is None and request.action == RESUME
        }
        for place in world.PLACES:
            paused = self._store.get(self._keys.paused(place.path))
            if paused is not None and _ref(place) not in open_:
                self._ask(Request(RESUME, _ref(place)))
        for kv in self._store.range(self._keys.draining('')).items:
            self._store.delete(kv.key)

    # --- requests ---------------------------------------------------------

    def _ask(self, request: Request) -> None:
        self._asked += 1
        key = self._keys.request(f'{self._asked:04}')
        lease = self._store.grant(self._random.choice(_TTLS))
        self._store.put(key, request.encode(), lease=lease.id)

    def _requests(self) -> dict[str, Request]:
        items = self._store.range(self._keys.request('')).items
        return {kv.key: Request.decode(kv.key, kv.value) for kv in items}

    def _reapply(self) -> None:
        """Have what is there applied again."""
        rows = list(self._rows.values())
        paced = self._random.random() < 0.5
        count = self._random.randint(1, 4 if paced else 1)
        for row in self._random.sample(rows, min(count, len(rows))):
            version = self._random.choice((None, row.version, row.version + 1))
            action = self._random.choice((*[REAPPLY] * 9, 'unheard of'))
            options: dict[str, Json] = {}
            if self._random.random() < 0.5:
                options['force'] = True
            ref = _ref(row.place)
            self._ask(Request(action, ref, version, paced, options))

    def _pause(self) -> None:
        self._ask(Request(PAUSE, _ref(self._any())))

    def _resume(self) -> None:
        paused = [
            place
            for place in world.PLACES
            if self._store.get(self._keys.paused(place.path)) is not None
        ]
        place = self._random.choice(paused) if paused else self._any()
        self._ask(Request(RESUME, _ref(place)))

    def _forget(self) -> None:
        """Mostly what has no config any more, but is known."""
        known = [
            place
            for place in world.PLACES
            if place.path not in self._rows
            and self._store.get(self._keys.accepted(place.path)) is not None
        ]
        place = self._random.choice(known) if known else self._any()
        self._ask(Request(FORGET, _ref(place)))

    def _cancel(self) -> None:
        kvs = self._store.range(self._keys.job('')).items
        if not kvs:
            return
        kv = self._random.choice(kvs)
        fields = json.loads(kv.value)[1]
        ref = ResourceRef(fields['resource_type'], fields['resource_id'])
        options = {
            'job': fields['id'],
            'force': False,
        }
        self._ask(Request(CANCEL, ref, options=options))

    def _take_back(self) -> None:
        """Delete a request that was not answered."""
        for key, request in self._requests().items():
            if request.answer is None:
                self._store.delete(key)
                return

    # --- workers ----------------------------------------------------------

    def _drain(self) -> None:
        prefix = self._keys.worker('')
        kvs = self._store.range(prefix).items
        if kvs:
            kv = self._random.choice(kvs)
            key = self._keys.draining(kv.key[len(prefix) :])
            # The mark is to vanish with the worker.
            self._store.put(key, '', lease=kv.lease)

    def _undrain(self) -> None:
        kvs = self._store.range(self._keys.draining('')).items
        if kvs:
            self._store.delete(self._random.choice(kvs).key)

    def _any(self) -> Place:
        return self._random.choice(world.PLACES)


def _ref(place: Place) -> ResourceRef:
    return ResourceRef(place.type.name, place.id)

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

"""The targets of the benchmark, and who polls them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import threading
from typing import ClassVar

from esi_worker import store
from esi_worker.collector.pollers import base
from esi_worker.collector.results import STATUS, UP, Failure, Result, Sample
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target, identity_of

TYPE = 'bench'
_CREATED_AT = '2026-01-01T00:00:00Z'


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """How many targets, how many on one device, which part is dead."""

    targets: int
    per_device: int = 1
    dead: float = 0.0

    def records(self) -> Iterator[Target]:
        for number in range(self.targets):
            device = number // self.per_device
            yield _target(number, device, self._is_dead(device))

    def write(self, target_store: store.Store, keys: store.KeyLayout) -> None:
        """Store all targets as a collector would have done."""
        transitions = [
            store.Transition(
                (),
                (
                    store.Put(keys.target(each.id), each.encode()),
                    store.Put(keys.target_name(each.identity), each.id),
                ),
            )
            for each in self.records()
        ]
        store.commit(target_store, transitions)

    def _is_dead(self, device: int) -> bool:
        # Spread evenly among the living.
        return int((device + 1) * self.dead) > int(device * self.dead)


def _target(number: int, device: int, dead: bool) -> Target:
    resource_id = f'resource-{number}'
    name = f'{"dead" if dead else "alive"}-{device}'
    return Target(
        id=identity_of('ports', resource_id, 'port', 1),
        created_at=_CREATED_AT,
        type=TYPE,
        resource_type='ports',
        resource_id=resource_id,
        field_name='port',
        tenant_id='tenant',
        version=1,
        properties={'device': name},
        syncer_properties={'etcd': {'status': {'key': 'port'}}},
        affinity=name,
    )


class BenchPoller(base.Poller):
    """Answers at once, but for the dead, which take all of the time."""

    reporter: ClassVar[str] = 'BenchAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            TYPE,
            results=(STATUS, 'traffic.in', 'traffic.out'),
            properties=members({'device': TEXT}),
        ),
    )

    def __init__(self, context: base.PollerContext) -> None:
        super().__init__(context)
        self.polls = 0
        self.polled: set[str] = set()
        self._closed = threading.Event()

    def pool_key(self, target: Target) -> str:
        return str(target.properties['device'])

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        self.polls += 1
        self.polled.update(target.id for target in targets)
        if self.pool_key(targets[0]).startswith('dead'):
            self._closed.wait(timeout)
            failure = Failure(STATUS, 'no answer')
            return {target.id: (failure,) for target in targets}
        return {
            target.id: (
                Sample(STATUS, UP),
                Sample('traffic.in', self.polls),
                Sample('traffic.out', self.polls),
            )
            for target in targets
        }

    def close(self) -> None:
        self._closed.set()

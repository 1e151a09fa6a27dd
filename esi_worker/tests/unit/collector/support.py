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

"""A collector on the store in memory, with a poller that is told what
to see, and time that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import contextlib
import json
from typing import Any, ClassVar, cast

import falcon
from falcon import testing
from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.collector import assembly, opts
from esi_worker.collector.ownership import Ownership
from esi_worker.collector.pollers import base as pollers
from esi_worker.collector.results import STATUS, UP, Result, Sample
from esi_worker.collector.syncers.base import Syncer, SyncerContext
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.collector.syncers.prometheus import PrometheusSyncer
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target, identity_of
from esi_worker.store import opts as store_opts

URL = 'http://collector:7070'
KEYS = store.KeyLayout()


class ToldPoller(pollers.Poller):
    """Sees what ``sees`` says, by fq_name; everything is up otherwise."""

    reporter: ClassVar[str] = 'told'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'virtual_machine_interface',
            results=(STATUS,),
            properties=members({'fq_name': TEXT}),
        ),
    )

    def __init__(self, context: pollers.PollerContext) -> None:
        super().__init__(context)
        self.sees: dict[str, Result | Exception] = {}
        self.polls: list[tuple[str, ...]] = []
        self.forgotten: list[str] = []
        self.sees_all: Sequence[Result] = ()
        self.leaves_out = False
        #: What ``poll`` returns instead, whatever it is.
        self.answers: Any = None
        self.meanwhile: Callable[[], object] = lambda: None

    def pool_key(self, target: Target) -> str:
        return str(target.properties['fq_name'])

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        self.polls.append(tuple(target.id for target in targets))
        seen = self.sees.get(self.pool_key(targets[0]), Sample(STATUS, UP))
        if isinstance(seen, Exception):
            raise seen
        self.meanwhile()
        if self.answers is not None:
            return cast(Mapping[str, Sequence[Result]], self.answers)
        kept = () if self.leaves_out else targets
        results = self.sees_all or (seen,)
        return {target.id: results for target in kept}

    def forget(self, pool_key: str) -> None:
        self.forgotten.append(pool_key)


def make_conf(**options: Any) -> Any:
    """A configuration; options of ``[collector]`` may be given."""
    conf = cfg.ConfigOpts()
    opts.register(conf)
    store_opts.register(conf)
    for group, options_of_plugins in opts.list_opts():
        conf.register_opts(options_of_plugins, group=group)
    conf([])
    usual = {'poll_jitter': 0.0, 'start_spread': 0.0, 'lease_ttl': 10**6}
    for name, value in {**usual, **options}.items():
        conf.set_override(name, value, group=opts.GROUP)
    return conf


class Setting:
    """One collector and everything around it."""

    poller_class: ClassVar[type[ToldPoller]] = ToldPoller

    def __init__(
        self,
        backend: store.MemoryStore | None = None,
        clock: clocks.ManualClock | None = None,
        keys: store.KeyLayout = KEYS,
        first_syncer: type[Syncer] | None = None,
        **options: Any,
    ) -> None:
        """:param first_syncer: a syncer that is asked before the others"""
        self.clock = clock or clocks.ManualClock()
        self.store = backend or store.MemoryStore(clock=self.clock)
        conf = make_conf(**options)
        self.ownership = Ownership(keys)
        self.context = SyncerContext(
            conf,
            self.store,
            keys,
            self.clock,
            self.ownership.fence,
            is_certain=self.ownership.is_certain,
        )
        #: A syncer that may publish whatever it is told.
        self.unfenced = SyncerContext(conf, self.store, keys, self.clock)
        self.first_syncer = (
            first_syncer(self.context) if first_syncer else None
        )
        self.etcd_syncer = EtcdSyncer(self.context)
        self.poller = self.poller_class(
            pollers.PollerContext(conf, self.clock)
        )
        self.collector = assembly.Collector(
            self.context,
            self.ownership,
            {'told': self.poller},
            {
                **({'first': self.first_syncer} if self.first_syncer else {}),
                'etcd': self.etcd_syncer,
                'prometheus': PrometheusSyncer(self.context),
            },
        )
        self.coordinator = self.collector.coordinator
        self.coordinator.join()
        self.client = testing.TestClient(self.collector.application(URL))
        self.settle()

    def settle(self) -> None:
        """Let it see and do what there is to be done."""
        with contextlib.suppress(exceptions.StoreError):
            while self.coordinator.step(0.0):
                continue

    def expire(self) -> None:
        """Its lease is gone, and it has not heard of it."""
        assert self.coordinator.keeper is not None
        lease = self.coordinator.keeper.lease.id
        for kv in self.store.range('/esi-worker/').items:
            if kv.lease == lease:
                self.store.delete(kv.key)

    def crash(self) -> None:
        """It dies, and its lease runs out."""
        assert self.coordinator.keeper is not None
        self.coordinator.keeper.lease.revoke()

    def post(self, **changes: Any) -> Any:
        """POST a target that differs from the usual one."""
        return self.client.simulate_post('/targets', json=body(**changes))

    def poll(self) -> int:
        """Do the polls that are due, and publish what they have seen."""
        self.settle()
        count = self.collector.scheduler.run_due()
        self.collector.publisher.run_due()
        return count

    def traces(self) -> list[str]:
        """The keys of targets and of what they have published."""
        share = (KEYS.collector(''), KEYS.partition(''), KEYS.pulse(''))
        keys = [kv.key for kv in self.store.range('/').items]
        return [key for key in keys if not key.startswith(share)]

    def monitoring(self, resource_id: str = 'p1') -> str | None:
        """What lies under ``/monitoring`` for a port."""
        kv = self.store.get(f'/monitoring/v2.0/ports/{resource_id}')
        return None if kv is None else kv.value


def body(**changes: Any) -> dict[str, Any]:
    """A target as a client describes it."""
    return {
        'type': 'virtual_machine_interface',
        'resource_type': 'ports',
        'resource_id': 'p1',
        'field_name': 'vmi',
        'tenant_id': 'tenant',
        'version': 3,
        'properties': {'fq_name': 'default-domain:admin:p1'},
        'syncer_properties': {'etcd': {'status': {'key': 'vmi'}}},
        **changes,
    }


def make_target(**changes: Any) -> Target:
    """A target as it is stored; ``revision`` 0."""
    fields = body(**changes)
    identity = identity_of(
        fields['resource_type'],
        fields['resource_id'],
        fields['field_name'],
        fields['version'],
    )
    return Target(id=identity, created_at='2018-02-12T07:44:26Z', **fields)


class LostAnswers:
    """An interceptor: the next writes are applied, their answers lost."""

    def __init__(self, count: int, skip: int = 0) -> None:
        self._skip = skip
        self._count = count

    def __call__(self, call: str, phase: str) -> None:
        if call != 'txn' or phase != 'after':
            return
        self._skip -= 1
        if self._skip < 0 and self._count > 0:
            self._count -= 1
            raise exceptions.StoreTimeout()


def down(call: str, phase: str) -> None:
    """An interceptor: nothing answers."""
    raise exceptions.StoreUnavailable()


def decoded(response: falcon.testing.Result) -> Any:
    return json.loads(response.text)

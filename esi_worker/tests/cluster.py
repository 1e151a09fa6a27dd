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

"""A manager and workers in memory, moved by hand.

Everything is the real thing but the store, which is the in-memory twin,
and time, which stands still. ``settle`` lets all of them work until
nobody has anything left to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
import random
from typing import Any

from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import dispatcher
from esi_worker import drivers
from esi_worker import handlers
from esi_worker import mapping
from esi_worker import scheduler
from esi_worker import store
from esi_worker import templates
from esi_worker.dispatcher import calls
from esi_worker.handlers import noop
from esi_worker.model import ResourceType
from esi_worker.model import TypeRegistry

NETWORK = ResourceType('network', 'networks', '/v2.0/networks')
SUBNET = ResourceType(
    'subnet', 'subnets', '/v2.0/subnets', {'network_id': 'network'}
)
PORT = ResourceType('port', 'ports', '/v2.0/ports', {'network_id': 'network'})
PLAN = ResourceType('plan', 'plans', '/v2.0/plans')

MAPPINGS: dict[str, dict[str, Any]] = {
    'network': {'name': 'Pid'},
    'subnet': {'name': 'Pid', 'network': 'Mnetwork:network_id:id'},
    'port': {
        'name': 'Pid',
        'version': 'Vauto_filled',
        'network': 'Mnetwork:network_id:id',
        'jinja_subnets': {
            'for_field': 'fixed_ips',
            'for_mapping': {
                'path': [{'type': 'subnet', 'id': 'subnet_id'}],
                'output_key': 'id',
            },
        },
    },
}


def make_catalog(
    handler_names: Sequence[str] = ('heat_worker',),
) -> templates.TemplateCatalog:
    """Templates for networks, subnets and ports, by each handler."""
    made = []
    choices: dict[str, dict[str, mapping.Choice]] = {}
    for handler in handler_names:
        for name, mappings in MAPPINGS.items():
            template_id = name
            if handler != 'heat_worker':
                template_id = f'{name}_{handler}'
            made.append(
                templates.Template(
                    id=template_id,
                    handler=handler,
                    mappings=mapping.ParameterMappings(template_id, mappings),
                    text='',
                    source='test',
                )
            )
            choices.setdefault(handler, {})[name] = mapping.Choice(
                handler, name, f'C{template_id}'
            )
    return templates.TemplateCatalog(
        TypeRegistry((NETWORK, SUBNET, PORT, PLAN)),
        handler_names,
        choices,
        made,
    )


class Member:
    """A manager or a worker with its lease and its follower."""

    def __init__(
        self, cluster: Cluster, prefixes: Sequence[str], ttl: int
    ) -> None:
        self.cluster = cluster
        self.keeper = store.LeaseKeeper(
            cluster.store, ttl, clock=cluster.clock
        )
        self.lease = self.keeper.open()
        self.follower = store.Follower(
            cluster.store,
            prefixes,
            pulse_key=None,
            silence_deadline=1e9,
            clock=cluster.clock,
        )

    def die(self) -> None:
        """Stop without a word; the lease runs out by itself."""
        self.follower.close()


class ManagerMember(Member):
    """A candidate that leads as soon as it can."""

    def __init__(self, cluster: Cluster) -> None:
        keys = cluster.keys
        super().__init__(cluster, scheduler.Manager.prefixes(keys), 10)
        self.world = scheduler.World(
            cluster.store,
            keys,
            drivers.DriverSet(cluster.catalog),
            cluster.catalog.types,
            cluster.clock,
            cluster.settings,
        )
        self.election = store.Election(
            cluster.store, keys.election, f'manager-{id(self)}', self.lease
        )
        self.manager: scheduler.Manager | None = None

    def step(self) -> bool:
        """One round.

        :returns: whether anything happened
        """
        self.keeper.step()
        if self.manager is None:
            if not self.election.campaign():
                return False
            self.manager = scheduler.Manager(
                self.world,
                self.follower,
                self.cluster.catalog,
                [self.election.fence],
                random.Random(0),
            )
        return self.manager.step(0)


class WorkerMember(Member):
    """A worker whose handler calls run on the spot."""

    def __init__(
        self,
        cluster: Cluster,
        offered: Mapping[str, handlers.Handler],
        settings: dispatcher.Settings,
        caller: calls.Caller | None = None,
    ) -> None:
        keys = cluster.keys
        super().__init__(cluster, dispatcher.Dispatcher.prefixes(keys), 30)
        self.identity = f'worker-{id(self)}'
        self.dispatcher = dispatcher.Dispatcher(
            cluster.store,
            keys,
            cluster.catalog.types,
            offered,
            self.lease,
            self.identity,
            cluster.clock,
            settings,
            caller or calls.InlineCaller(),
        )

    def step(self) -> bool:
        """One round.

        :returns: whether anything happened
        """
        self.keeper.step()
        busy = False
        while (item := self.follower.poll(0)) is not None:
            self.dispatcher.take(item)
            busy = True
        self.dispatcher.step()
        return busy


class Cluster:
    """One store and everybody who works on it."""

    def __init__(
        self, handler_names: Sequence[str] = ('heat_worker',)
    ) -> None:
        self.clock = clocks.ManualClock()
        self.store = store.MemoryStore(clock=self.clock)
        self.keys = store.KeyLayout()
        self.catalog = make_catalog(handler_names)
        self.settings = scheduler.Settings()
        self.members: list[ManagerMember | WorkerMember] = []

    def add_manager(self) -> ManagerMember:
        member = ManagerMember(self)
        self.members.append(member)
        return member

    def add_worker(
        self,
        offered: Mapping[str, handlers.Handler] | None = None,
        settings: dispatcher.Settings | None = None,
        caller: calls.Caller | None = None,
    ) -> WorkerMember:
        member = WorkerMember(
            self,
            self.noop_handlers() if offered is None else offered,
            settings or dispatcher.Settings(),
            caller,
        )
        self.members.append(member)
        return member

    def context(self) -> handlers.HandlerContext:
        return handlers.HandlerContext(
            cfg.ConfigOpts(),
            self.store,
            self.keys,
            self.catalog,
            self.clock,
            lambda: 30.0,
        )

    def noop_handlers(self) -> dict[str, handlers.Handler]:
        handler = noop.NoopHandler(self.context())
        return dict.fromkeys(self.catalog.handlers, handler)

    def remove(self, member: ManagerMember | WorkerMember) -> None:
        """Let a member die."""
        member.die()
        self.members.remove(member)

    # --- the world outside ------------------------------------------------

    def write(
        self,
        type_: ResourceType,
        id_: str,
        version: int = 1,
        *,
        marked: bool = False,
        **body: Any,
    ) -> None:
        """Write a config as the REST server does."""
        value = {
            'body': json.dumps({'id': id_, 'tenant_id': 't', **body}),
            'version': version,
            'marked_for_deletion': marked,
        }
        self.store.put(self.keys.config(type_.path(id_)), json.dumps(value))

    def erase(self, type_: ResourceType, id_: str) -> None:
        """Remove a config and its state as the REST server does."""
        self.store.delete(self.keys.state(type_.path(id_)))
        self.store.delete(self.keys.config(type_.path(id_)))

    def settle(self, rounds: int = 100) -> None:
        """Let everybody work until nothing happens any more."""
        quiet = 0
        for _ in range(rounds):
            busy = [member.step() for member in list(self.members)]
            quiet = 0 if any(busy) else quiet + 1
            if quiet > 2:
                return
        raise AssertionError(f'still busy after {rounds} rounds')

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass while everybody works."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            self.store.expire_leases()
            self.settle()

    # --- what is there ----------------------------------------------------

    def json(self, key: str) -> Any:
        kv = self.store.get(key)
        return None if kv is None else json.loads(kv.value)

    def state(self, type_: ResourceType, id_: str) -> Any:
        return self.json(self.keys.state(type_.path(id_)))

    def worker_state(self, type_: ResourceType, id_: str) -> str | None:
        state = self.state(type_, id_)
        return None if state is None else state['state']['worker_state']

    def jobs(self, place: str = 'all') -> list[str]:
        """The ids of jobs in one place of the queue."""
        prefix = f'{self.keys.jobs}{place}/'
        items = self.store.range(prefix).items
        items = tuple(sorted(items, key=lambda kv: kv.create_revision))
        return [kv.key[len(prefix) :] for kv in items]

    def job(self, start: str) -> Any:
        """The fields of the one job whose id starts like this."""
        (name,) = [each for each in self.jobs() if each.startswith(start)]
        return self.json(self.keys.job(name))[1]

    def blocked(self, type_: ResourceType, id_: str) -> Any:
        return self.json(self.keys.blocked(type_.path(id_)))

    def keys_under(self, prefix: str) -> list[str]:
        return [kv.key for kv in self.store.range(prefix).items]

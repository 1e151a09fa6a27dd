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
nobody has anything left to do, ``pass_time`` moves the clock meanwhile.
Faults reach only what the members ask of the store, not what a test
asks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
import json
from typing import Any

from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import (
    dispatcher,
    drivers,
    handlers,
    scheduler,
    store,
    templates,
)
from esi_worker.dispatcher import calls
from esi_worker.handlers import noop
from esi_worker.model import Answer, Request, ResourceRef, ResourceType
from esi_worker.tests import members
from esi_worker.tests.samples import (
    BOND,
    GUEST,
    LEFT,
    MAPPINGS,
    NETWORK,
    PLAN,
    PORT,
    RIGHT,
    SERVER,
    SUBNET,
    make_catalog,
)

__all__ = (
    'BOND',
    'GUEST',
    'LEFT',
    'MAPPINGS',
    'NETWORK',
    'PLAN',
    'PORT',
    'RIGHT',
    'SERVER',
    'SUBNET',
    'Cluster',
    'make_catalog',
)


class Cluster:
    """One store and everybody who works on it."""

    def __init__(
        self,
        handler_names: Sequence[str] = ('heat_worker',),
        missing: Collection[str] = (),
    ) -> None:
        self.clock = clocks.ManualClock()
        self.store = store.MemoryStore(clock=self.clock)
        self.keys = store.KeyLayout()
        self.handler_names = tuple(handler_names)
        self.missing = tuple(missing)
        self.catalog = self.make_catalog()
        self.settings = scheduler.Settings()
        #: Seconds that requests of operators live.
        self.request_ttl = 3600
        self.drivers: dict[str, type[drivers.Driver]] = {}
        self.members: list[members.Member] = []
        #: Sees every request of a member: its name, and before or after.
        self.fault: Callable[[str, str], None] | None = None

    def make_catalog(self) -> templates.TemplateCatalog:
        return make_catalog(self.handler_names, self.missing)

    def add_manager(self) -> members.ManagerMember:
        member = members.ManagerMember(self)
        self.members.append(member)
        return member

    def add_worker(
        self,
        offered: Mapping[str, handlers.Handler] | None = None,
        settings: dispatcher.Settings | None = None,
        caller: calls.Caller | None = None,
    ) -> members.WorkerMember:
        member = members.WorkerMember(
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
        return self.offer(noop.NoopHandler(self.context()))

    def offer(self, handler: handlers.Handler) -> dict[str, handlers.Handler]:
        """Let one handler take all jobs."""
        return dict.fromkeys(self.catalog.handlers, handler)

    def remove(self, member: members.Member) -> None:
        """Let a member die without a word."""
        member.die()
        self.members.remove(member)

    def stop(self, member: members.Member) -> None:
        """Let a member end; its lease ends with it."""
        self.remove(member)
        self.store.revoke_lease(member.lease.id)

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

    def write_template(self, name: str, text: str = '', **more: Any) -> None:
        """Write the template of a type as the REST server does."""
        body = {
            'id': name,
            'handler': 'heat_worker',
            'parameter_mappings': MAPPINGS[name],
            'template_file': text,
            **more,
        }
        value = {'body': json.dumps(body), 'version': 1}
        path = f'{templates.HEAT_TEMPLATES_PATH}/{name}'
        self.store.put(self.keys.config(path), json.dumps(value))

    def request(
        self,
        ref: ResourceRef,
        version: int | None = None,
        action: str = 'reapply',
        **fields: Any,
    ) -> str:
        """Ask the manager for something as an operator does.

        :returns: the id of the request
        """
        request = Request(action, ref, version, **fields)
        id_ = f'request-{self.store.revision:06}'
        lease = self.store.grant(self.request_ttl).id
        self.store.put(self.keys.request(id_), request.encode(), lease=lease)
        return id_

    def answer(self, id_: str) -> Answer | None:
        """What became of a request; None while nothing did."""
        kv = self.store.get(self.keys.request(id_))
        assert kv is not None
        return Request.decode(kv.key, kv.value).answer

    def erase(self, type_: ResourceType, id_: str) -> None:
        """Remove a config and its state as the REST server does."""
        self.store.delete(self.keys.state(type_.path(id_)))
        self.store.delete(self.keys.config(type_.path(id_)))

    def settle(self, rounds: int = 200) -> None:
        """Let everybody work until nothing happens any more."""
        quiet = 0
        for _ in range(rounds):
            busy = [self.step(member) for member in list(self.members)]
            quiet = 0 if any(busy) else quiet + 1
            if quiet > 2:
                return
        raise AssertionError(f'still busy after {rounds} rounds')

    def step(self, member: members.Member) -> bool:
        """One round of one member; one that crashes is gone."""
        self.store.interceptor = self.fault
        try:
            return member.step()
        except members.Crash:
            self.store.interceptor = None
            self.remove(member)
            return True
        finally:
            self.store.interceptor = None

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

    def accepted(self, type_: ResourceType, id_: str) -> Any:
        return self.json(self.keys.accepted(type_.path(id_)))

    def jobs(self, place: str = 'all') -> list[str]:
        """The ids of jobs in one place of the queue, oldest first."""
        prefix = f'{self.keys.jobs}{place}/'
        items = self.store.range(prefix).items
        items = tuple(sorted(items, key=lambda kv: kv.create_revision))
        return [kv.key[len(prefix) :] for kv in items]

    def job_id(self, start: str) -> str:
        """The id of the one job that starts like this."""
        (name,) = [each for each in self.jobs() if each.startswith(start)]
        return name

    def job(self, start: str) -> Any:
        """The fields of the one job whose id starts like this."""
        return self.json(self.keys.job(self.job_id(start)))[1]

    def dependency(self, start: str) -> list[str]:
        """What the job whose id starts like this was made to wait for."""
        names: list[str] = self.job(start)['dependency']
        return names

    def blocked(self, type_: ResourceType, id_: str) -> Any:
        return self.json(self.keys.blocked(type_.path(id_)))

    def keys_under(self, prefix: str) -> list[str]:
        return [kv.key for kv in self.store.range(prefix).items]

    def actions(self, type_: ResourceType, id_: str) -> list[str]:
        """What was done to a resource: ``<action>:<version>``."""
        lines = self.json(self.keys.history(type_.path(id_))) or []
        return [f'{line["action"]}:{line["version"]}' for line in lines]

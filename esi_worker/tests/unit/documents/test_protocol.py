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

"""Every key and every member of each record is on the page of the protocol.

What the processes write in a few scenes is compared with the tables, both
ways: nothing is written that is not on the page, and nothing is on the page
that nobody writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import json
import re
from typing import Any

from docutils import nodes

from esi_worker import scheduler, store
from esi_worker.dispatcher import periodic
from esi_worker.drivers import DriverSet
from esi_worker.handlers.heat import handler, memory
from esi_worker.model import ResourceRef
from esi_worker.tests import cluster, threads
from esi_worker.tests.unit.collector import support as collector
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.handlers.heat import scene as heat
from esi_worker.tests.unit.packaging import checkout

PAGE = 'protocol.rst'
TEXT = """\
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
  mtu: {type: string, default: ''}
  version: {type: string, default: ''}
  network: {type: string, default: ''}
outputs:
  id: {value: uuid, description: The id}
"""

#: The members of a record, with the JSON types that each may have.
Members = dict[str, frozenset[str]]


def keys() -> dict[str, re.Pattern[str]]:
    """The keys of the first table, as patterns."""
    table = next(iter(blocks.tree(PAGE).findall(nodes.table)))
    return {
        literal.astext(): pattern(literal.astext())
        for row in _rows(table)
        for literal in row[0].findall(nodes.literal)
    }


def pattern(key: str) -> re.Pattern[str]:
    """A path has several parts, any other name in brackets has one."""
    form = re.escape(key).replace('<path>', r'v2\.0/[^/]+/[^/]+')
    return re.compile(re.sub('<[^>]*>', '[^/]+', form))


def records() -> dict[str, Members]:
    """The members of each record that is an object, by its key."""
    found = {}
    for section in blocks.tree(PAGE).findall(nodes.section):
        title = section[0].astext()
        if title.startswith('/'):
            (table,) = section.findall(nodes.table)
            found[title] = {
                row[0].astext(): frozenset(row[1].astext().split(' or '))
                for row in _rows(table)
            }
    return found


def _rows(table: nodes.table) -> Iterator[Any]:
    (body,) = table.findall(nodes.tbody)
    yield from body.findall(nodes.row)


def members(
    value: Any, known: Members, prefix: str = ''
) -> Iterator[tuple[str, str]]:
    """The members of an object and their types, as deep as is documented."""
    for name, inner in value.items():
        path = prefix + name
        if path not in known and f'{prefix}<field>' in known:
            path = f'{prefix}<field>'
        if isinstance(inner, list) and f'{path}[]' in known:
            path = f'{path}[]'
            for element in inner:
                if isinstance(element, dict):
                    yield from members(element, known, f'{path}.')
        elif isinstance(inner, dict) and any(
            each.startswith(f'{path}.') for each in known
        ):
            yield from members(inner, known, f'{path}.')
        yield path, _type(inner)


def _type(value: Any) -> str:
    for name, class_ in (
        ('boolean', bool),
        ('integer', int),
        ('string', str),
        ('list', list),
        ('object', dict),
    ):
        if isinstance(value, class_):
            return name
    return 'null'


def objects(key: str, text: str) -> list[dict[str, Any]]:
    """The objects in the value of a key that the page has a table for."""
    value = json.loads(text)
    if key == '/jobs/all/<job>':
        return [value[1]]
    if key == '/esi-worker/history/<path>':
        return list(value)
    if key == '/config/v2.0/heat_templates/<id>':
        return [json.loads(value['body'])]
    return [value]


class Story:
    """A manager, a worker with Heat and a collector write all there is."""

    def __init__(self) -> None:
        self.world = cluster.Cluster()
        self.store, self.keys = self.world.store, self.world.keys
        self.stacks = memory.MemoryBackend(self.world.clock, 0.0)
        conf = heat.configuration(drift_check_interval=60)
        self.handler = handler.HeatHandler(
            dataclasses.replace(self.world.context(), conf=conf), self.stacks
        )

    def play(self) -> None:
        self.resources()
        self.drift()
        self.operators()
        self.monitoring()
        self.another_manager()

    def settle(self) -> None:
        self.world.pass_time(10.0)

    def resources(self) -> None:
        """One is made, changed, refused, paused; one is blocked."""
        for name in ('network', 'port'):
            self.world.write_template(name, TEXT, depends_on=[], needs=[])
        self.world.add_manager()
        self.worker = self.world.add_worker(self.world.offer(self.handler))
        self.world.write(cluster.NETWORK, 'n')
        self.world.write(cluster.PORT, 'p', network_id='n')
        self.world.write(cluster.PORT, 'q', network_id='missing')
        self.settle()
        self.world.write(cluster.NETWORK, 'n', 2, mtu=1400)
        self.settle()
        self.stacks.refusal = 'HTTP 400: no'
        self.world.write(cluster.NETWORK, 'n', 3, mtu=1300)
        self.settle()
        self.stacks.refusal = None

    def drift(self) -> None:
        """Somebody deletes a stack, and a periodic task finds that."""
        info = self.stacks.find('t', 'port_p')
        assert info is not None
        self.stacks.delete('t', 'port_p', info.id, 1.0)
        runner = periodic.PeriodicRunner(
            self.store,
            self.keys,
            self.handler.periodic_tasks(),
            self.store.grant(3600),
            self.worker.identity,
            self.world.clock,
        )
        for _ in range(10):
            self.world.clock.advance(runner.step())

    def operators(self) -> None:
        ref = ResourceRef('network', 'n')
        self.world.request(
            ref,
            options={'force': True},
            requested_at='now',
            requested_by='me',
        )
        self.settle()
        self.world.request(
            ref, action='pause', requested_at='now', requested_by='me'
        )
        self.settle()
        # As "worker drain" does it.
        key = self.keys.draining(self.worker.identity)
        self.store.put(key, '', lease=self.worker.lease.id)

    def monitoring(self) -> None:
        """A target is registered, polled, replaced and taken away."""
        site = collector.Setting(self.store, self.world.clock)
        target = collector.decoded(site.post())
        site.poll()
        path = f'/targets/{target["id"]}'
        site.client.simulate_put(path, json=collector.body(version=4))
        site.client.simulate_delete(path)
        site.settle()
        # Its watch has been silent for long.
        self.world.clock.advance(100.0)
        site.settle()

    def another_manager(self) -> None:
        """A process stands by."""
        catalog = self.world.make_catalog()
        candidate = scheduler.Candidate(
            self.store,
            self.keys,
            catalog,
            lambda: scheduler.World(
                self.store,
                self.keys,
                DriverSet(catalog),
                catalog.types,
                self.world.clock,
                scheduler.Settings(),
            ),
            lease_ttl=5,
            silence_deadline=30,
            clock=self.world.clock,
        )
        running = threads.Running(candidate)
        threads.await_key(self.store, self.keys.manager(candidate.identity))
        running.stop()


class ProtocolTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.story = Story()
        self.watch = self.enterContext(self.story.store.watch({'/': 1}))

    def written(self) -> list[store.KeyValue]:
        """All that was put since the beginning."""
        found = []
        while (batch := self.watch.next(0.0)) is not None:
            found += [
                event.kv
                for event in batch.events
                if event.type is store.EventType.PUT
            ]
        return found

    def test_what_is_written_is_on_the_page_and_the_other_way_round(
        self,
    ) -> None:
        self.story.play()
        written = self.written()
        forms, tables = keys(), records()
        self.assertEqual(set(), tables.keys() - forms.keys())
        seen_keys: set[str] = set()
        seen: dict[str, set[str]] = {key: set() for key in tables}
        for kv in written:
            matching = [
                key for key, form in forms.items() if form.fullmatch(kv.key)
            ]
            self.assertTrue(matching, f'{kv.key} is not on the page')
            # A template is a config too; the longer key is its own.
            key = max(matching, key=len)
            seen_keys.add(key)
            if kv.value[:1] in ('{', '['):
                self.check(key, kv, tables, seen)
        self.assertEqual(set(), forms.keys() - seen_keys)
        for key, table in tables.items():
            self.assertEqual(set(), table.keys() - seen[key], key)

    def check(
        self,
        key: str,
        kv: store.KeyValue,
        tables: Mapping[str, Members],
        seen: dict[str, set[str]],
    ) -> None:
        same = {'/esi-worker/previous/<path>': '/esi-worker/config/<path>'}
        key = same.get(key, key)
        if key.startswith('/jobs/finished'):
            return
        table = tables[key]
        for each in objects(key, kv.value):
            for path, type_ in members(each, table):
                where = f'{kv.key}: {path} is a {type_}'
                self.assertIn(path, table, where)
                if 'any' not in table[path]:
                    self.assertIn(type_, table[path], where)
                seen[key].add(path)

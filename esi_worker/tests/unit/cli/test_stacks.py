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

"""Which stacks are orphans."""

from __future__ import annotations

import json

import testtools

from esi_worker.cli import stacks as commands
from esi_worker.handlers.heat import MemoryBackend, StackRequest
from esi_worker.model import ResourceRef
from esi_worker.tests.unit.cli import support

TEMPLATE = 'heat_template_version: 2013-05-23\n'
CONFIGURED = {ResourceRef('load_balancer_interface', 'kept')}


class DriftTest(support.CommandTest):
    def test_what_was_found_is_listed(self) -> None:
        finding = {'kind': 'deleted', 'reason': 'gone', 'version': 3}
        self.store.put(self.keys.drift('v2.0/ports/p'), json.dumps(finding))
        (row,) = self.rows('stack', 'drift')
        self.assertEqual(
            ('v2.0/ports/p', 'deleted', 'gone', 3),
            (row['Path'], row['Drift'], row['Reason'], row['Version']),
        )


class OrphansTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.backend = MemoryBackend()

    def create(self, name: str, *tags: str, tenant: str = 'a') -> str:
        request = StackRequest(name, TEMPLATE, {}, 1, tags)
        return self.backend.create(tenant, request, 1.0)

    def find(self, *tenants: str) -> list[commands.Orphan]:
        found = commands.find_orphans(self.backend, tenants, CONFIGURED)
        return list(found)

    def test_stack_of_ours_without_a_config_is_an_orphan(self) -> None:
        tags = ('esi-worker', 'load_balancer_interface', 'esi-digest-x')
        self.create('load_balancer_interface_kept', *tags)
        stack_id = self.create('load_balancer_interface_lost_1', *tags)
        (orphan,) = self.find('a')
        assert orphan.info is not None
        self.assertEqual(stack_id, orphan.info.id)
        self.assertEqual(
            ResourceRef('load_balancer_interface', 'lost_1'), orphan.ref
        )

    def test_stacks_of_others_are_none_of_ours(self) -> None:
        self.create('port_p', 'port')
        self.assertEqual([], self.find('a'))

    def test_stack_that_does_not_tell_its_resource_is_an_orphan(self) -> None:
        self.create('something', 'esi-worker')
        (orphan,) = self.find('a')
        self.assertIsNone(orphan.ref)
        self.assertEqual('', orphan.row(set())[5])

    def test_only_named_tenants_are_looked_at(self) -> None:
        self.create('port_p', 'esi-worker', 'port', tenant='b')
        self.assertEqual([], self.find('a'))
        self.assertEqual(1, len(self.find('a', 'b')))

    def test_remembered_resource_is_told_from_a_forgotten_one(self) -> None:
        self.create('port_p', 'esi-worker', 'port')
        (orphan,) = self.find('a')
        self.assertFalse(orphan.row(set())[-1])
        self.assertTrue(orphan.row({ResourceRef('port', 'p')})[-1])

    def test_tenant_that_cannot_be_listed_is_told(self) -> None:
        self.backend.outage = 'Heat is away'
        (orphan,) = self.find('a')
        self.assertEqual(
            ('a', '', '', 'cannot be listed: Heat is away'),
            orphan.row(set())[:4],
        )

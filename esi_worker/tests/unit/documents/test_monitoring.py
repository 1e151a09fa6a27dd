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

"""What the pages on monitoring show: credentials, targets, sections."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import fixtures
import jinja2
import yaml

from esi_worker.collector import schemas
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.pollers import routers, snmp_users
from esi_worker.collector.syncers import holding
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.handlers.monitoring import legacy, sections
from esi_worker.tests.unit.collector import support
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout


class CredentialsTest(checkout.CheckoutTest):
    def credentials(self, text: str) -> Credentials:
        file = Path(self.useFixture(fixtures.TempDir()).path, 'credentials')
        file.write_text(text)
        return Credentials(str(file))

    @blocks.uses('collector.rst', 'ESE_NODE_COMMUNITY')
    def test_entries_are_found_by_their_names(self, text: str) -> None:
        found = self.credentials(text)
        for name, value in yaml.safe_load(text).items():
            self.assertEqual(value, found.resolve(name))
            self.assertNotEqual(name, found.resolve(name))

    @blocks.uses('pollers.rst', 'EDGE_ROUTER_COMMUNITY')
    def test_communities_and_users_can_be_used(self, text: str) -> None:
        found = self.credentials(text)
        community = snmp_users.decode(found.resolve('EDGE_ROUTER_COMMUNITY'))
        self.assertIsInstance(community, snmp_users.Community)
        user = snmp_users.decode(found.resolve('FIREWALL_COMMUNITY'))
        assert isinstance(user, snmp_users.SnmpUser)
        self.assertEqual(
            ('monitor', 'sha256', 'aes'),
            (user.user, user.auth_protocol, user.priv_protocol),
        )
        for line in text.splitlines():
            name, _, comment = line.partition('#')
            if 'auth_protocol' in name:
                self.assertEqual(
                    snmp_users.AUTH_PROTOCOLS, tuple(comment.split())
                )
            if 'priv_protocol' in name:
                self.assertEqual(
                    snmp_users.PRIV_PROTOCOLS, tuple(comment.split())
                )


class HoldTest(checkout.CheckoutTest):
    @blocks.uses('collector.rst', '{"etcd": {"status"')
    def test_settings_of_the_syncer_hold_a_status_back(
        self, text: str
    ) -> None:
        settings = json.loads(text)['etcd']
        self.assertEqual(
            [], list(schemas.problems(settings, EtcdSyncer.settings, 'etcd'))
        )
        target = dataclasses.replace(
            support.make_target(syncer_properties=json.loads(text)),
            created_at='1970-01-01T00:00:00Z',
        )
        hold = holding.hold_of(target, settings)
        assert hold is not None
        self.assertTrue(hold.holds('FAIL', 209.0))
        self.assertFalse(hold.holds('DOWN', 209.0))
        self.assertFalse(hold.holds('FAIL', 210.0))


class SectionsTest(checkout.CheckoutTest):
    @blocks.uses('monitoring.rst', 'status:\n  type: vrrp_pool')
    def test_a_section_describes_a_target_that_can_be_polled(
        self, text: str
    ) -> None:
        filled = jinja2.Template(
            text, undefined=jinja2.StrictUndefined
        ).render(
            primary_device_ip='192.0.2.1',
            primary_interface='ge-0/0/1.20',
            secondary_device_ip='192.0.2.2',
            secondary_interface='ge-0/0/1.20',
        )
        (section,) = legacy.modernized(sections.parse('page', filled))
        self.assertEqual(
            (
                'status',
                'vrrp_pool',
                360.0,
                {'etcd': {'status': {'key': 'status'}}},
            ),
            (
                section.name,
                section.type,
                section.timeout,
                section.syncer_properties,
            ),
        )
        (type_,) = (
            row for row in routers.VrrpPoller.types if row.name == section.type
        )
        self.assertEqual(
            [],
            list(
                schemas.problems(
                    section.properties, type_.properties, 'properties'
                )
            ),
        )

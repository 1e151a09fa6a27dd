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

from __future__ import annotations

import testtools

from esi_worker import exceptions
from esi_worker.handlers.monitoring import legacy, sections
from esi_worker.handlers.monitoring.sections import Section


def parse(text: str) -> list[Section]:
    return list(legacy.modernized(sections.parse('a_template', text)))


class SectionsTest(testtools.TestCase):
    def test_no_text_is_no_section(self) -> None:
        for text in ('', '\n\n', 'db_mappings:\n  - {relation: x}\n'):
            self.assertEqual([], parse(text))

    def test_a_type_of_today_passes_untouched(self) -> None:
        (section,) = parse(
            'status:\n'
            '  type: vrrp_pool\n'
            '  vrid: [41, 42]\n'
            '  primary: {host: h, port: 830, password: 0123}\n'
            '  syncer_properties:\n'
            '    etcd: {status: {key: status}, hold_options: '
            '{time_seconds: 360}}\n'
        )

        self.assertEqual('vrrp_pool', section.type)
        self.assertEqual(
            {
                'vrid': [41, 42],
                'primary': {'host': 'h', 'port': 830, 'password': '0123'},
            },
            section.properties,
        )
        assert section.syncer_properties is not None
        self.assertEqual(
            {'time_seconds': 360},
            section.syncer_properties['etcd']['hold_options'],
        )

    def test_types_of_the_first_generation_have_successors(self) -> None:
        found = parse(
            'a: {type: switch, ip: 10.0.0.1, community_name: C, mibs: []}\n'
            'b: {type: router, ip: 10.0.0.1, community_name: C}\n'
            'c: {type: physical_port, device_ip: d, community_name: C, '
            'name: 0/1}\n'
            'd: {type: logical_port, device_ip: d, community_name: C, '
            'name: 12}\n'
            'e: {type: nova_vm, server_id: s}\n'
            'f: {type: kafka_messenger, kafka_topic: t}\n'
        )

        self.assertEqual(
            [
                ('snmp_device', {'device_ip': '10.0.0.1'}),
                ('snmp_device', {'device_ip': '10.0.0.1'}),
                ('snmp_ports_status', {'device_ip': 'd', 'if_name': '0/1'}),
                ('snmp_ports', {'device_ip': 'd', 'if_name': '12'}),
                ('compute', {'server_id': 's'}),
            ],
            [
                (
                    section.type,
                    {
                        name: value
                        for name, value in section.properties.items()
                        if name != 'community_name'
                    },
                )
                for section in found
            ],
        )

    def test_ports_beside_a_session_are_measured_only(self) -> None:
        session, port = parse(
            'primary: {type: bgp_session, host: h, port: 830, login: l, '
            'password: p, peer_address: a, instance: i, timeout: 120}\n'
            'primary_uplink: {type: logical_port, community_name: C, '
            'device_ip: h, name: ge-0}\n'
        )

        self.assertEqual(
            ('bgp_session', 120.0, 'ESTABLISHED', None),
            (
                session.type,
                session.timeout,
                session.wanted,
                session.syncer_properties,
            ),
        )
        self.assertEqual(
            ('snmp_ports_metric', {}), (port.type, port.syncer_properties)
        )

    def test_mistakes_are_named(self) -> None:
        for text, problem in (
            ('a: [', 'no YAML'),
            ('- a', 'no mapping'),
            ('a: 1', 'section "a"'),
            ('a: {ip: x}', '"type"'),
            ('a: {type: x, timeout: soon}', '"timeout"'),
            ('a: {type: x, timeout: -1}', '"timeout"'),
            ('a: {type: x, since: 2018-01-01}', 'JSON'),
            ('a: {type: x, syncer_properties: 1}', '"syncer_properties"'),
            ('a: {type: x, wanted_status: 1}', '"wanted_status"'),
        ):
            error = self.assertRaises(exceptions.TemplateError, parse, text)
            self.assertIn('a_template', str(error))
            self.assertIn(problem, str(error))

    def test_a_section_does_not_show_its_credentials(self) -> None:
        (section,) = parse('a: {type: x, password: open-sesame}')

        self.assertNotIn('sesame', repr(section))

    def test_merged_mappings_are_read(self) -> None:
        found = parse(
            'a: &a {type: x, password: 01}\nb: {<<: *a, interface: 7}\n'
        )

        self.assertEqual(['x', 'x'], [section.type for section in found])


class WordsTest(testtools.TestCase):
    def test_are_those_of_the_workers(self) -> None:
        vrrp = Section('a', 'vrrp_session', {})
        other = Section('a', 'snmp_device', {})
        for section, status, word in (
            (other, 'UP', 'ACTIVE'),
            (other, 'DOWN', 'DOWN'),
            (vrrp, 'MASTER', 'master'),
            (vrrp, 'FAIL', 'FAIL'),
            (other, {'primary': 'MASTER'}, {'primary': 'MASTER'}),
            (other, None, None),
        ):
            self.assertEqual(word, legacy.word(section, status))

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

import json
import socket
from typing import Any
from unittest import mock

import testtools

from esi_worker import clock as clocks
from esi_worker.collector import schemas
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.loading import load_pollers
from esi_worker.collector.pollers import libraries, plain
from esi_worker.collector.pollers import ports as port_numbers
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.pollers.openstack import (
    ComputePoller,
    NeutronPortPoller,
    OpenStackPoller,
)
from esi_worker.collector.results import STATUS, Failure, Result, Sample
from esi_worker.embedded import ports
from esi_worker.tests.unit.collector import support
from esi_worker.tests.unit.collector.test_contrail import Analytics

DEVICE = {'device_ip': 'd', 'community_name': 'c'}


class OpenStackTest(testtools.TestCase):
    """Nova and Neutron; a stand-in speaks their HTTP."""

    def setUp(self) -> None:
        super().setUp()
        self.service = Analytics()
        self.addCleanup(self.service.close)

    def poll(self, class_: type[OpenStackPoller], **options: Any) -> Result:
        conf = support.make_conf()
        conf.set_override('auth_type', 'none', class_.group)
        conf.set_override('endpoint_override', self.service.url, class_.group)
        for name, value in options.items():
            conf.set_override(name, value, class_.group)
        poller = class_(PollerContext(conf, clocks.ManualClock()))
        target = support.make_target(
            type=poller.types[0].name, properties={class_.id_property: 'o/1'}
        )
        (result,) = poller.poll([target], 10.0)[target.id]
        return result

    def answer(self, value: Any, status: int = 200) -> None:
        self.service.body = json.dumps(value).encode()
        self.service.status = status

    def test_what_is_active_is_up_and_all_else_down(self) -> None:
        for status, word in (
            ('ACTIVE', 'UP'),
            ('BUILD', 'DOWN'),
            ('ERROR', 'DOWN'),
        ):
            self.answer({'server': {'status': status}})
            self.assertEqual(Sample(STATUS, word), self.poll(ComputePoller))
            self.answer({'port': {'status': status}})
            self.assertEqual(
                Sample(STATUS, word), self.poll(NeutronPortPoller)
            )

    def test_asks_for_one_object(self) -> None:
        self.poll(ComputePoller)
        self.poll(NeutronPortPoller)

        self.assertEqual(
            ['/servers/o%2F1', '/v2.0/ports/o%2F1'], self.service.paths
        )

    def test_what_is_not_there_is_a_failure(self) -> None:
        answers: list[tuple[int, Any]] = [
            (404, {}),
            (500, {}),
            (401, {}),
            (200, {}),
            (200, []),
            (200, {'server': 1}),
        ]
        for status, value in answers:
            self.answer(value, status)
            self.assertIsInstance(self.poll(ComputePoller), Failure)

    def test_no_json_is_a_failure(self) -> None:
        self.service.body = b'<html>'

        self.assertIsInstance(self.poll(ComputePoller), Failure)

    def test_a_service_that_is_away_is_a_failure_that_names_the_options(
        self,
    ) -> None:
        result = self.poll(
            ComputePoller, endpoint_override='http://127.0.0.1:1'
        )

        assert isinstance(result, Failure)
        self.assertIn('[collector_nova]', result.reason)

    def test_a_service_that_is_not_configured_is_a_failure(self) -> None:
        for auth_type in (None, 'no-such-plugin'):
            result = self.poll(ComputePoller, auth_type=auth_type)

            assert isinstance(result, Failure)
            self.assertIn('[collector_nova]', result.reason)


class PlainTest(testtools.TestCase):
    def poll(self, poller_class: Any, **properties: Any) -> Any:
        poller = poller_class(
            PollerContext(support.make_conf(), clocks.ManualClock())
        )
        target = support.make_target(
            type=poller.types[0].name, properties=properties
        )
        return poller.poll([target], 5.0)[target.id]

    def server(self, body: bytes = b'all is well', status: int = 200) -> str:
        server = Analytics()
        self.addCleanup(server.close)
        server.body, server.status = body, status
        return server.url

    def test_a_page_that_is_as_wanted_is_up(self) -> None:
        for status, more in (
            (200, {}),
            (302, {}),
            (200, {'contains': 'well'}),
            (503, {'status': 503}),
        ):
            state, time = self.poll(
                plain.HttpPoller, url=self.server(status=status), **more
            )
            self.assertEqual(Sample(STATUS, 'UP'), state)
            self.assertGreater(time.value, 0)

    def test_a_page_that_is_not_is_down(self) -> None:
        for status, more in (
            (404, {}),
            (500, {}),
            (200, {'status': 204}),
            (200, {'contains': 'bad'}),
        ):
            state, _ = self.poll(
                plain.HttpPoller, url=self.server(status=status), **more
            )
            self.assertEqual(Sample(STATUS, 'DOWN'), state)

    def test_a_server_that_refuses_is_down(self) -> None:
        port = ports.ReservedPort()
        self.addCleanup(port.close)

        for found in (
            self.poll(plain.HttpPoller, url=f'http://127.0.0.1:{port.number}'),
            self.poll(plain.TcpPoller, host='127.0.0.1', port=port.number),
        ):
            self.assertEqual((Sample(STATUS, 'DOWN'),), tuple(found))

    def test_a_server_that_nobody_knows_is_a_failure(self) -> None:
        for found in (
            self.poll(plain.HttpPoller, url='http://no-such-host.invalid/'),
            self.poll(plain.TcpPoller, host='no-such-host.invalid', port=1),
        ):
            (result,) = found
            self.assertIsInstance(result, Failure)

    def test_so_is_one_whose_name_is_none(self) -> None:
        for found in (
            self.poll(plain.HttpPoller, url=f'http://{"a" * 300}/'),
            self.poll(plain.TcpPoller, host='a' * 300, port=1),
        ):
            (result,) = found
            self.assertIsInstance(result, Failure)

    def test_a_port_is_checked(self) -> None:
        def problems(port: int | str) -> list[str]:
            return list(schemas.problems(port, port_numbers.SCHEMA, 'p'))

        for good in (1, 65535, '1', '9999', '59999', '65499', '65535'):
            self.assertEqual([], problems(good), str(good))
        for bad in (0, 65536, '0', '', '65536', '65540', '70000', '99999'):
            self.assertEqual(1, len(problems(bad)), str(bad))

    def test_a_url_is_checked(self) -> None:
        (row,) = plain.HttpPoller.types

        def problems(url: str) -> list[str]:
            return list(schemas.problems({'url': url}, row.properties, 'p'))

        for url in ('ftp://x', 'x', 'http://', 'http://[', 'http:///p'):
            self.assertEqual(1, len(problems(url)), url)
        for url in ('http://a', 'https://u:p@[::1]:80/x?y', 'http://a:1#z'):
            self.assertEqual([], problems(url), url)

    def test_a_port_that_accepts_is_up(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as server:
            port = server.getsockname()[1]
            for number in (port, str(port)):
                state, _ = self.poll(
                    plain.TcpPoller, host='127.0.0.1', port=number
                )
                self.assertEqual(Sample(STATUS, 'UP'), state)

    def test_noop_says_what_the_target_says(self) -> None:
        self.assertEqual(
            ((Sample(STATUS, 'UP'),), (Sample(STATUS, 'DOWN'),)),
            (
                self.poll(plain.NoopPoller),
                self.poll(plain.NoopPoller, status='DOWN'),
            ),
        )


class AllPollersTest(testtools.TestCase):
    """What is installed, put together."""

    def setUp(self) -> None:
        super().setUp()
        conf = support.make_conf()
        self.pollers = load_pollers(conf, clocks.ManualClock())
        for poller in self.pollers.values():
            self.addCleanup(poller.close)
        self.catalogue = Catalogue(self.pollers)

    def test_the_types_of_the_reference_are_there(self) -> None:
        self.assertEqual(
            {
                'bgp_pool',
                'bgp_session',
                'compute',
                'http',
                'neutron_port',
                'noop',
                'snmp_device',
                'snmp_device_fw',
                'snmp_device_lb',
                'snmp_ports',
                'snmp_ports_metric',
                'snmp_ports_status',
                'tcp',
                'virtual_machine_interface',
                'virtual_network',
                'vrrp_pool',
                'vrrp_session',
            },
            {row.name for row in self.catalogue}
            - {'etcd_reader', 'igs_counter'},
        )

    def test_what_a_type_needs_is_asked_for(self) -> None:
        needs = {
            'snmp_device_fw': {'device_ip', 'community_name'},
            'snmp_ports': {'device_ip', 'community_name', 'if_name'},
            'virtual_network': {'fq_name'},
            'compute': {'server_id'},
            'vrrp_pool': {'vrid', 'primary', 'secondary'},
            'bgp_pool': {'instance', 'primary', 'secondary'},
        }
        for name, expected in needs.items():
            served = self.catalogue.get(name)
            assert served is not None
            texts = schemas.problems({}, served.type.properties, 'properties')
            found = {text.split('"')[1] for text in texts}
            self.assertEqual(
                {f'properties.{each}' for each in expected}, found
            )

    def test_what_a_side_needs_is_asked_for(self) -> None:
        served = self.catalogue.get('vrrp_pool')
        assert served is not None
        properties = {
            'vrid': [],
            'primary': {'host': 'h', 'port': 0, 'login': '', 'password': 'x'},
            'secondary': {
                'host': 'h',
                'port': '830',
                'login': 'l',
                'password': 'open-sesame',
                'interface': 'ae0',
            },
        }

        texts = list(
            schemas.problems(properties, served.type.properties, 'properties')
        )

        self.assertEqual(
            {
                'properties.vrid',
                'properties.primary.interface',
                'properties.primary.port',
                'properties.primary.login',
            },
            {text.split('"')[1] for text in texts},
        )
        self.assertNotIn('sesame', ''.join(texts))

    def test_a_missing_library_is_told_with_the_extra_that_has_it(
        self,
    ) -> None:
        self.assertIsNone(libraries.missing('json'))
        text = libraries.missing('no_such_library')
        assert text is not None
        self.assertIn('esi-worker[pollers]', text)

    def test_without_its_library_a_type_is_refused_and_not_known(
        self,
    ) -> None:
        """As on a host where a target was registered before."""
        side = {'host': 'h', 'port': 830, 'login': 'l', 'password': 'p'}
        targets = [
            support.make_target(type=type_, properties=properties)
            for type_, properties in (
                ('snmp_device', DEVICE),
                ('snmp_ports', {**DEVICE, 'if_name': 'a'}),
                ('vrrp_session', {**side, 'interface': 'a', 'vrid': 1}),
                (
                    'bgp_session',
                    {**side, 'instance': 'a', 'peer_address': 'b'},
                ),
            )
        ]
        with mock.patch.object(
            libraries, 'missing', lambda name: f'no {name}'
        ):
            for target in targets:
                served = self.catalogue.get(target.type)
                assert served is not None
                (problem,) = self.catalogue.problems(target)
                found = served.poller.poll([target], 1.0)[target.id]
                for result in found:
                    assert isinstance(result, Failure)
                    self.assertIn(problem, result.reason)

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

"""A collector under a real Heat with our resource plugin."""

from __future__ import annotations

import functools
import pathlib
import threading
from typing import Any

import fixtures
import requests
import testtools

from esi_worker.collector import heat_plugin
from esi_worker.embedded import fixtures as embedded
from esi_worker.embedded import ports
from esi_worker.tests.functional import embedded_support
from esi_worker.tests.functional.collector_support import (
    CollectorFixture,
    post,
)
from esi_worker.tests.functional.embedded_support import outputs, wait_until

TARGET = """
heat_template_version: 2013-05-23
parameters:
  uuid: {type: string}
  tenant_id: {type: string}
  version: {type: number}
  fq_name: {type: string}
resources:
  vmi_monitor:
    type: ESI::Monitoring::MonitoringTarget
    properties:
      type: virtual_machine_interface
      resource_type: ports
      resource_id: {get_param: uuid}
      field_name: vmi
      tenant_id: {get_param: tenant_id}
      version: {get_param: version}
      properties:
        fq_name: {get_param: fq_name}
      syncer_properties:
        etcd: {status: {key: vmi}}
        tsdb: {traffic.in: {metric: traffic.bytes, tags: {direction: in}}}
outputs:
  monitoring_target_id: {value: {get_resource: vmi_monitor}}
  monitoring_link: {value: {get_attr: [vmi_monitor, link]}}
"""
DETACHED = """
heat_template_version: 2013-05-23
parameters:
  uuid: {type: string}
  tenant_id: {type: string}
  version: {type: number}
  fq_name: {type: string}
"""
HEAT_TIMEOUT_SECONDS = 2
TOKEN = 'open-sesame'


@functools.cache
def reserved_port() -> ports.ReservedPort:
    """The port of all collectors of this process: Heat is told it once."""
    return ports.ReservedPort()


class HeatResourceTest(testtools.TestCase):
    """A Heat with our plugin, and the collector that it asks."""

    def options(self) -> dict[str, Any]:
        """Those of the collector."""
        return {}

    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(heat_plugin.__file__).parent
        heat = self.useFixture(
            embedded.HeatFixture(
                plugin_dirs=[folder],
                extra_options={
                    'collector_agents': {
                        'host': '127.0.0.1',
                        'port': str(reserved_port().number),
                        'request_timeout_second': str(HEAT_TIMEOUT_SECONDS),
                        'token': TOKEN,
                    }
                },
            )
        )
        self.stacks = embedded_support.Stacks(heat.session())
        self.collector = self.useFixture(
            CollectorFixture(reserved_port().number, **self.options())
        )

    def create(self, **changes: Any) -> Any:
        return self.stacks.create('port_p1', TARGET, **parameters(**changes))

    def update(
        self, stack: Any, template: str = TARGET, **changes: Any
    ) -> Any:
        return self.stacks.update(stack, template, **parameters(**changes))

    def wait_for(self, value: str) -> None:
        wait_until(lambda: self.collector.monitoring() == value)


class TestProtectedHeatResource(HeatResourceTest):
    """The collector asks for a token."""

    def options(self) -> dict[str, Any]:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.tokens = folder / 'tokens'
        self.tokens.write_text(f'{TOKEN}\n')
        return {'auth': 'token', 'token_file': self.tokens}

    def test_heat_shows_the_token_of_its_configuration(self) -> None:
        stack = self.create()
        self.wait_for('{"version":3,"vmi":"FAIL"}')

        updated = self.update(stack, version=4)

        self.wait_for('{"version":4,"vmi":"FAIL"}')
        self.assertEqual(
            'DELETE_COMPLETE', self.stacks.delete(updated).stack_status
        )
        self.assertEqual([], self.collector.targets())

    def test_a_token_that_is_not_valid_is_told(self) -> None:
        self.tokens.write_text('another\n')

        failed = self.create()

        self.assertEqual('CREATE_FAILED', failed.stack_status)
        self.assertIn('[collector_agents]', failed.stack_status_reason)
        self.assertNotIn(TOKEN, failed.stack_status_reason)


class TestHeatResource(HeatResourceTest):
    def test_a_stack_registers_its_target(self) -> None:
        stack = self.create()

        self.assertEqual('CREATE_COMPLETE', stack.stack_status)
        shown = outputs(stack)
        self.assertEqual(
            [shown['monitoring_target_id']], self.collector.targets()
        )
        self.assertEqual(
            f'{self.collector.url}/targets/{shown["monitoring_target_id"]}',
            shown['monitoring_link'],
        )
        target = requests.get(shown['monitoring_link'], timeout=60).json()
        self.assertEqual(
            ('p1', 3, {'fq_name': 'a:b'}),
            (target['resource_id'], target['version'], target['properties']),
        )
        self.wait_for('{"version":3,"vmi":"FAIL"}')

    def test_an_update_puts_a_new_version_in_place_of_the_old(self) -> None:
        stack = self.create()
        self.wait_for('{"version":3,"vmi":"FAIL"}')

        updated = self.update(stack, version=4)

        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        self.assertEqual(outputs(stack), outputs(updated))
        self.assertEqual(
            [outputs(updated)['monitoring_target_id']],
            self.collector.targets(),
        )
        self.wait_for('{"version":4,"vmi":"FAIL"}')

    def test_the_value_is_there_all_the_time_of_an_update(self) -> None:
        stack = self.create()
        self.wait_for('{"version":3,"vmi":"FAIL"}')
        missing = threading.Event()
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                if self.collector.monitoring() is None:
                    missing.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.update(stack, version=4)
            self.wait_for('{"version":4,"vmi":"FAIL"}')
        finally:
            done.set()
            watcher.join()

        self.assertFalse(missing.is_set())

    def test_an_update_of_a_target_that_is_gone_makes_it_again(self) -> None:
        stack = self.create()
        old = outputs(stack)['monitoring_target_id']
        requests.delete(f'{self.collector.url}/targets/{old}', timeout=60)

        updated = self.update(stack, version=4)

        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        new = outputs(updated)['monitoring_target_id']
        self.assertEqual([new], self.collector.targets())
        self.wait_for('{"version":4,"vmi":"FAIL"}')

    def test_an_update_to_what_is_monitored_already_takes_it_over(
        self,
    ) -> None:
        stack = self.create()
        other = post(
            self.collector.url,
            version=4,
            tenant_id='tenant',
            properties={'fq_name': 'a:b'},
        )

        updated = self.update(stack, version=4)

        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        self.assertEqual(other['id'], outputs(updated)['monitoring_target_id'])
        self.assertEqual([other['id']], self.collector.targets())

    def test_an_older_version_may_come_back(self) -> None:
        """As in the rollback of an update."""
        stack = self.create()
        newer = self.update(stack, version=4)

        older = self.update(newer, version=3)

        self.assertEqual('UPDATE_COMPLETE', older.stack_status)
        self.assertEqual(
            [outputs(older)['monitoring_target_id']], self.collector.targets()
        )
        self.wait_for('{"version":3,"vmi":"FAIL"}')

    def test_an_update_within_one_version_keeps_the_target(self) -> None:
        stack = self.create()

        updated = self.update(stack, fq_name='another')

        self.assertEqual(outputs(stack), outputs(updated))
        link = outputs(updated)['monitoring_link']
        target = requests.get(link, timeout=60).json()
        self.assertEqual({'fq_name': 'another'}, target['properties'])

    def test_a_delete_takes_target_and_status_away(self) -> None:
        stack = self.create()
        self.wait_for('{"version":3,"vmi":"FAIL"}')

        deleted = self.stacks.delete(stack)

        self.assertEqual('DELETE_COMPLETE', deleted.stack_status)
        self.assertEqual([], self.collector.targets())
        self.assertIsNone(self.collector.monitoring())

    def test_a_template_without_the_resource_takes_it_away(self) -> None:
        stack = self.create()
        self.wait_for('{"version":3,"vmi":"FAIL"}')

        updated = self.update(stack, DETACHED, version=4)

        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        self.assertEqual([], self.collector.targets())
        self.assertIsNone(self.collector.monitoring())

    def test_a_resource_with_another_name_takes_the_target_over(self) -> None:
        stack = self.create()

        updated = self.update(stack, TARGET.replace('vmi_monitor', 'monitor'))

        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        self.assertEqual(outputs(stack), outputs(updated))
        self.assertEqual(
            [outputs(updated)['monitoring_target_id']],
            self.collector.targets(),
        )

    def test_a_create_that_nobody_answered_leaves_nothing_behind(self) -> None:
        self.collector.stop()
        failed = self.create()
        self.collector.start()
        # As if only the answer had been lost.
        post(
            self.collector.url,
            tenant_id='tenant',
            properties={'fq_name': 'a:b'},
        )

        deleted = self.stacks.delete(failed)

        self.assertEqual('CREATE_FAILED', failed.stack_status)
        self.assertEqual('DELETE_COMPLETE', deleted.stack_status)
        self.assertEqual([], self.collector.targets())

    def test_reading_a_stack_needs_no_collector(self) -> None:
        stack = self.create()
        self.collector.stop()

        again = self.stacks.settled(f'{stack.stack_name}/{stack.id}')

        self.assertEqual(outputs(stack), outputs(again))

    def test_a_create_without_a_collector_says_so_and_can_be_repeated(
        self,
    ) -> None:
        self.collector.stop()
        failed = self.create()
        self.collector.start()

        updated = self.update(failed)

        self.assertEqual('CREATE_FAILED', failed.stack_status)
        self.assertIn(
            f'the collector at {self.collector.url} did not serve',
            failed.stack_status_reason,
        )
        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        self.assertEqual(
            [outputs(updated)['monitoring_target_id']],
            self.collector.targets(),
        )

    def test_an_update_without_a_collector_can_be_repeated(self) -> None:
        stack = self.create()
        self.collector.stop()
        failed = self.update(stack, version=4)
        self.collector.start()

        updated = self.update(failed, version=5)

        self.assertEqual('UPDATE_FAILED', failed.stack_status)
        self.assertEqual('UPDATE_COMPLETE', updated.stack_status)
        self.assertEqual(
            [outputs(updated)['monitoring_target_id']],
            self.collector.targets(),
        )
        self.wait_for('{"version":5,"vmi":"FAIL"}')

    def test_a_delete_without_a_collector_says_so_and_can_be_repeated(
        self,
    ) -> None:
        stack = self.create()
        self.collector.stop()
        failed = self.stacks.delete(stack)
        self.collector.start()

        deleted = self.stacks.delete(failed)

        self.assertEqual('DELETE_FAILED', failed.stack_status)
        self.assertIn('did not serve DELETE', failed.stack_status_reason)
        self.assertEqual('DELETE_COMPLETE', deleted.stack_status)
        self.assertEqual([], self.collector.targets())

    def test_a_refused_target_says_why(self) -> None:
        failed = self.stacks.create(
            'port_p1',
            TARGET.replace('virtual_machine_interface', 'toaster'),
            **parameters(),
        )

        self.assertEqual('CREATE_FAILED', failed.stack_status)
        self.assertIn('known are', failed.stack_status_reason)


def parameters(**changes: Any) -> dict[str, Any]:
    return {
        'uuid': 'p1',
        'tenant_id': 'tenant',
        'version': 3,
        'fq_name': 'a:b',
        **changes,
    }

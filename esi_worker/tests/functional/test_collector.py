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

"""``esi-collector`` as a process on a real etcd, and under a real Heat."""

from __future__ import annotations

import functools
import pathlib
import subprocess
import sys
import threading
from typing import IO, Any

import fixtures
import requests
import testtools

from esi_worker import store
from esi_worker.collector import heat_plugin
from esi_worker.embedded import fixtures as embedded
from esi_worker.embedded import ports
from esi_worker.tests.functional import embedded_support
from esi_worker.tests.functional.embedded_support import outputs, wait_until
from esi_worker.tests.unit.collector import support
from esi_worker.tests.unit.collector.test_contrail import Analytics

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


class CollectorFixture(fixtures.Fixture):
    """An ``esi-collector`` with key prefixes of its own."""

    def __init__(
        self,
        port: int = 0,
        beside: CollectorFixture | None = None,
        more: str = '',
        **options: object,
    ) -> None:
        """:param beside: the collector to share etcd and targets with
        :param more: other groups of the configuration
        """
        super().__init__()
        self.more = more
        self.beside = beside
        self._options = {
            'port': port,
            'poll_interval': 1,
            'poll_timeout': 1,
            'start_spread': 0,
            **options,
        }
        self.process: subprocess.Popen[str] | None = None
        self.url = ''

    def _setUp(self) -> None:
        if self.beside is None:
            self.etcd = self.useFixture(embedded.EtcdFixture())
        else:
            self.etcd = self.beside.etcd
        etcd = self.etcd
        self.prefix = etcd.prefix.rstrip('/')
        self.store = store.EtcdStore([etcd.endpoint])
        self.addCleanup(self.store.close)
        folder = self.useFixture(fixtures.TempDir()).path
        self.config = pathlib.Path(folder) / 'collector.conf'
        self.config.write_text(self.configuration(etcd.endpoint))
        self.addCleanup(self.kill)
        self.start()

    def configuration(self, endpoint: str) -> str:
        lines = [f'{name} = {self._options[name]}' for name in self._options]
        return '\n'.join(
            [
                '[etcd]',
                f'endpoints = {endpoint}',
                '[keys]',
                f'monitoring_prefix = {self.prefix}/monitoring',
                f'worker_prefix = {self.prefix}/esi-worker',
                '[collector]',
                *lines,
                self.more,
            ]
        )

    def start(self) -> None:
        # A file, for nobody reads a pipe while the collector works.
        with self.config.with_suffix('.log').open('a') as log:
            self.process = run(self.config, log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url = line.split()[-1]

    def stop(self) -> tuple[int, str]:
        """:returns: the exit code, and what stood on standard output"""
        assert self.process is not None
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=120)
        return self.process.returncode, rest

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    def monitoring(self, resource_id: str = 'p1') -> str | None:
        path = f'{self.prefix}/monitoring/v2.0/ports/{resource_id}'
        kv = self.store.get(path)
        return None if kv is None else kv.value

    def targets(self) -> list[str]:
        """The ids of the stored targets."""
        prefix = f'{self.prefix}/esi-worker/targets/'
        found = self.store.range(prefix).items
        return [kv.key.removeprefix(prefix) for kv in found]


def run(
    config: pathlib.Path, log: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            '-W',
            'ignore',
            '-m',
            'esi_worker.cmd.collector',
            '--config-file',
            str(config),
        ],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def post(url: str, **changes: Any) -> Any:
    response = requests.post(
        f'{url}/targets', json=support.body(**changes), timeout=10
    )
    response.raise_for_status()
    return response.json()


class TestProcess(testtools.TestCase):
    def test_publishes_fail_when_there_is_no_analytics_server(self) -> None:
        collector = self.useFixture(CollectorFixture())

        target = post(collector.url)

        self.assertEqual(
            f'{collector.url}/targets/{target["id"]}', target['link']
        )
        wait_until(lambda: collector.monitoring() is not None)
        self.assertEqual('{"version":3,"vmi":"FAIL"}', collector.monitoring())

    def test_publishes_what_the_analytics_server_says(self) -> None:
        analytics = Analytics()
        self.addCleanup(analytics.close)
        analytics.body = b'{"UveVMInterfaceAgent": {"l2_active": true}}'
        collector = self.useFixture(
            CollectorFixture(analytics_url=analytics.url)
        )

        post(collector.url)

        wait_until(lambda: collector.monitoring() is not None)
        self.assertEqual('{"version":3,"vmi":"UP"}', collector.monitoring())

    def test_polls_on_after_a_crash(self) -> None:
        collector = self.useFixture(CollectorFixture())
        target = post(collector.url)
        wait_until(lambda: collector.monitoring() is not None)
        collector.kill()
        collector.store.delete(f'{collector.prefix}/monitoring/v2.0/ports/p1')

        collector.start()

        wait_until(lambda: collector.monitoring() is not None)
        again = post(collector.url)
        self.assertEqual(target['id'], again['id'])

    def test_ends_cleanly_on_a_signal(self) -> None:
        collector = self.useFixture(CollectorFixture())
        post(collector.url)

        code, rest = collector.stop()

        self.assertEqual((0, ''), (code, rest))

    def test_says_when_the_port_is_taken(self) -> None:
        collector = self.useFixture(CollectorFixture())
        port = collector.url.rpartition(':')[2]
        text = collector.config.read_text().replace(
            'port = 0', f'port = {port}'
        )
        config = collector.config.with_name('second.conf')
        config.write_text(text)

        second = run(config)
        out, err = second.communicate(timeout=120)

        self.assertEqual((2, ''), (second.returncode, out))
        self.assertIn(f'port {port}', err)

    def test_says_when_etcd_is_away(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        config = pathlib.Path(folder) / 'collector.conf'
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        config.write_text(
            f'[etcd]\nendpoints = http://127.0.0.1:{port.number}\n'
            'startup_timeout = 0.5\n[collector]\nport = 0\n'
        )

        process = run(config)
        out, err = process.communicate(timeout=120)

        self.assertEqual((1, ''), (process.returncode, out))
        self.assertIn('does not answer', err)


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

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

"""Commands that are shown, run on a world in memory.

The ones of the quick start are run by the slow test of that page.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import shlex
import shutil
import threading

import fixtures

from esi_worker.handlers.base import Handler
from esi_worker.model import Done, Failed, Job, Outcome
from esi_worker.tests import certificates, cluster
from esi_worker.tests.unit.cli import support
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.documents.test_commands import typed
from esi_worker.tests.unit.packaging import checkout

NEUTRON = checkout.ROOT / 'templates' / 'neutron'
BODY = {
    'id': 'network',
    'handler': 'heat_worker',
    'parameter_mappings': {'heat_timeout': 'C60', 'name': 'Pname'},
    'template_file': 'heat_template_version: 2013-05-23\n'
    'parameters: {name: {type: string}}\n',
}


class Moody(Handler):
    """Fails until its mood is better."""

    bad = False

    def start(self, job: Job) -> Outcome:
        return Failed('StackFailed: quota') if self.bad else Done()


class RunsTestCase(support.CommandTest, checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)

    def run_all(self, text: str, *further: str) -> list[str]:
        """Run the commands of a block; gives what each has printed.

        :param further: what the reader may add, such as ``--yes``
        """
        printed = []
        for line in typed(text):
            program, *arguments = shlex.split(line)
            self.assertEqual('esi-worker-manage', program)
            self.stdout.seek(0)
            self.stdout.truncate()
            code = self.run_command(*arguments, *further)
            self.assertEqual(0, code, self.stderr.getvalue())
            printed.append(self.stdout.getvalue())
        self.assertTrue(printed)
        return printed


class RunsTest(RunsTestCase):
    """With nothing but what lies in etcd."""

    @blocks.uses('linting.rst', '$ esi-worker-manage template lint   ')
    def test_lint_of_folders_of_etcd_and_of_files(self, text: str) -> None:
        shutil.copytree(NEUTRON, 'templates')
        Path('bodies.json').write_text(json.dumps({'network': BODY}))
        for printed in self.run_all(text):
            self.assertIn(' 0 warnings', printed)

    @blocks.uses('linting.rst', '$ esi-worker-manage template lint --schemas')
    def test_lint_with_schemas(self, text: str) -> None:
        Path('bodies.json').write_text(json.dumps({'network': BODY}))
        Path('schemas.json').write_text('{"schemas": []}')
        (printed,) = self.run_all(text)
        self.assertIn('0 errors', printed)

    @blocks.uses('installing.rst', '[etcd]')
    def test_the_first_configuration_can_be_used(self, settings: str) -> None:
        authority = certificates.Authority(self.folder, 'authority')
        certificate, key = authority.issue('client')
        for name, path in (
            ('ca.pem', authority.ca),
            ('client.pem', certificate),
            ('client.key', key),
        ):
            settings = settings.replace(f'/etc/esi-worker/{name}', str(path))
        Path('c.conf').write_text(settings)
        # With --connect it would ask the Keystone that is named there.
        (printed,) = self.run_all(
            '$ esi-worker-manage --config-file c.conf config check'
        )
        self.assertIn('can be used for the role all', printed)


class WorldTest(RunsTestCase):
    """With a manager and a worker."""

    def setUp(self) -> None:
        super().setUp()
        self.world = cluster.Cluster()
        self.store = self.world.store
        self.world.add_manager()
        self.handler = Moody(self.world.context())
        self.world.add_worker(self.world.offer(self.handler))
        self.world.write(cluster.NETWORK, 'n')
        self.world.settle()
        self.handler.bad = True
        self.world.write(cluster.PORT, '7c1f', network_id='n')
        self.world.settle()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the world go on while a command runs."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.01):
                self.world.pass_time(1.0)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @blocks.uses('failures.rst', '$ esi-worker-manage job retry')
    def test_a_failed_version_is_tried_again(self, text: str) -> None:
        state = self.world.worker_state
        self.assertEqual('CREATE_FAILED', state(cluster.PORT, '7c1f'))
        self.handler.bad = False
        with self.at_work():
            self.run_all(text, '--yes')
        self.world.settle()
        self.assertEqual('MODIFY_COMPLETED', state(cluster.PORT, '7c1f'))

    @blocks.uses('linting.rst', '$ esi-worker-manage template apply')
    def test_a_template_is_applied_again(self, text: str) -> None:
        self.handler.bad = False
        with self.at_work():
            dry, done = self.run_all(text, '--yes')
        self.assertIn('port:7c1f version 1', dry)
        self.assertEqual(
            'MODIFY_COMPLETED', self.world.worker_state(cluster.PORT, '7c1f')
        )
        self.assertTrue(done)

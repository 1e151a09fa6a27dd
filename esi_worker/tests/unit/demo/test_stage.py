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

"""What a scenario can do: write, and wait for what is published."""

from __future__ import annotations

import io
import json

import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.demo import load_balancer_configs as configs
from esi_worker.demo import screen, site, stage

KEYS = store.KeyLayout()


class UselessError(exceptions.TerminalError):
    """A service has ended."""


class StageTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = store.MemoryStore()
        self.output = io.StringIO()
        self.alive = True
        self.stage = stage.Stage(
            self.store,
            screen.Screen(self.output),
            configs.NAMES,
            clocks.SystemClock(),
            self.check,
        )
        self.addCleanup(self.stage.close)
        self.network = configs.network('user network')

    def check(self) -> None:
        if not self.alive:
            raise UselessError

    def publish(self, version: int, error: str = '') -> None:
        value = {'version': version, 'error': error, 'state': {}}
        key = KEYS.state(self.network.path)
        self.store.put(key, json.dumps(value))

    def test_a_config_is_written_as_the_rest_server_does(self) -> None:
        self.stage.write(self.network)

        found = self.store.get(KEYS.config(self.network.path))
        assert found is not None
        envelope = json.loads(found.value)
        self.assertEqual(self.network.body, json.loads(envelope['body']))
        self.assertEqual(1, envelope['version'])
        self.assertFalse(envelope['marked_for_deletion'])
        self.assertIn('writing user network', self.output.getvalue())

    def test_a_version_is_done_when_its_state_is_there(self) -> None:
        self.publish(1)
        self.stage.await_done(self.network)

        self.assertEqual(1, self.stage.state(self.network)['version'])

    def test_an_error_is_told(self) -> None:
        self.publish(1, 'no luck')
        failed = self.assertRaises(
            site.DemoFailed, self.stage.await_done, self.network
        )
        self.assertEqual(
            'user network, version 1 has failed: no luck', str(failed)
        )

    def test_nothing_is_waited_for_when_a_service_has_ended(self) -> None:
        self.alive = False
        self.assertRaises(UselessError, self.stage.await_done, self.network)

    def test_the_second_step_of_a_deletion_erases_both_keys(self) -> None:
        self.stage.write(self.network)
        self.publish(1)
        self.stage.erase(self.network)

        self.assertEqual([], list(self.store.range('/').items))

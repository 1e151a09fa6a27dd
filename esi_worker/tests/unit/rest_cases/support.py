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

"""Manager, workers and a fake REST server on one store in memory.

Every case runs with both sets of keys and both shapes of states. At the
end of each test everything that was written under the state keys is
looked through for what a REST server could not use.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import json
from typing import Any
import unittest

import fixtures
import testtools

from esi_worker import store
from esi_worker.handlers import noop
from esi_worker.model import Job
from esi_worker.tests import cluster, members, rest_server

SHORT = store.KeyLayout()
LONG = store.KeyLayout(
    state_prefix='/state_watch/state',
    monitoring_prefix='/state_watch/monitoring',
)
VARIANTS = tuple(
    dataclasses.replace(keys, state_shape=shape)
    for keys in (SHORT, LONG)
    for shape in store.StateShape
)
#: Lets a job go on until time has passed.
SLOW = {'wait': 1, 'after': 5}
COLUMNS = ('id', 'tenant_id', 'mtu', 'noop')


def load_tests(
    _loader: unittest.TestLoader,
    tests: unittest.TestSuite,
    _pattern: str | None,
) -> unittest.TestSuite:
    """Each test once with every variant; for the modules of cases."""
    suite = unittest.TestSuite()
    for test in testtools.iterate_tests(tests):
        for keys in VARIANTS:
            name = f'{test.id()}({keys.state_prefix},{keys.state_shape})'
            copy: Any = testtools.clone_test_with_new_id(test, name)
            copy.keys = keys
            suite.addTest(copy)
    return suite


class RestCase(testtools.TestCase):
    """One manager, one worker whose handler does nothing."""

    keys = VARIANTS[0]

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.cluster = cluster.Cluster()
        self.cluster.keys = self.keys
        self.store = self.cluster.store
        self.rest = rest_server.RestServer(self.store, self.keys)
        self.addCleanup(self.rest.close)
        self._all = self.store.watch({'/': 1})
        self.addCleanup(self.assert_usable_states)
        self.start()

    def start(self) -> None:
        """Start whatever was not started or was stopped."""
        if not self.cluster.members:
            self.cluster.add_manager()
            self.cluster.add_worker()
        self.settle()

    def stop(self) -> None:
        """Everything of ours ends in good order."""
        for member in list(self.cluster.members):
            self.cluster.stop(member)

    def settle(self) -> None:
        self.cluster.settle()
        self.rest.follow()

    def pass_time(self, seconds: float) -> None:
        self.cluster.pass_time(seconds)
        self.rest.follow()

    def listen(self) -> list[Job]:
        """Put a worker in the place of the one there is.

        :returns: the jobs that it starts, as they come
        """
        _, worker = self.cluster.members
        self.cluster.stop(worker)
        quiet = noop.NoopHandler(self.cluster.context())
        handler = members.ScriptedHandler(self.cluster.context())
        jobs: list[Job] = []

        def start(job: Job) -> object:
            jobs.append(job)
            return quiet.start(job)

        handler.on_start = start
        handler.on_poll = quiet.poll
        self.cluster.add_worker(self.cluster.offer(handler))
        self.settle()
        return jobs

    # --- the REST server's side -------------------------------------------

    def create(self, path: str, **body: Any) -> None:
        id_ = path.rpartition('/')[2]
        body = {'id': id_, 'tenant_id': 't', **body}
        self.rest.create(path, COLUMNS, **body)

    def reported(self, path: str) -> Mapping[str, Any]:
        """What the server, or its extension, has got of the state."""
        row = self.rest.rows[path]
        state: Mapping[str, Any]
        if self.keys.state_shape is store.StateShape.STRING:
            state = json.loads(row.state)
        else:
            state = row.seen['state']
        return state

    def assert_row(
        self, path: str, version: int, worker_state: str, error: str = ''
    ) -> None:
        """The row has converged at this version."""
        row = self.rest.rows[path]
        self.assertEqual(
            (version, version, error),
            (row.config_version, row.state_version, row.error),
        )
        self.assertEqual(worker_state, self.reported(path)['worker_state'])
        self.assertEqual([], self.rest.dropped)

    # --- the store --------------------------------------------------------

    def value(self, key: str) -> Any:
        return self.cluster.json(key)

    def assert_nothing_left(self, path: str) -> None:
        """Nothing in the store tells of a resource."""
        left = [kv.key for kv in self.store.range('/').items if path in kv.key]
        self.assertEqual([], left)

    def actions(self, path: str) -> list[str]:
        lines = self.value(self.keys.history(path)) or []
        return [f'{line["action"]}:{line["version"]}' for line in lines]

    def assert_usable_states(self) -> None:
        """W18, and what holds at any time of W3, W8 and section 7."""
        configs: dict[str, int] = {}
        while batch := self._all.next(0):
            for event in batch.events:
                self._look_at(event, configs)
        self._all.close()

    def _look_at(self, event: store.Event, configs: dict[str, int]) -> None:
        key, put = event.kv.key, event.type is store.EventType.PUT
        path = self.keys.config_path(key)
        if path is not None and not put:
            configs.pop(path, None)
        elif path is not None:
            configs[path] = max(configs.get(path, 0), _version(event.kv.value))
        elif key.startswith(self.keys.state('')) and put:
            path = key.removeprefix(self.keys.state(''))
            self.assertIn(path, configs, 'a state without a config')
            self._look_at_state(event.kv, configs[path])

    def _look_at_state(self, kv: store.KeyValue, limit: int) -> None:
        value = json.loads(kv.value)
        self.assertEqual({'version', 'error', 'state'}, set(value))
        self.assertIs(int, type(value['version']))
        self.assertIn(value['version'], range(1, limit + 1))
        self.assertIsInstance(value['error'], str)
        self.assertLessEqual(len(value['error']), 1024)
        self.assertEqual(0, kv.lease)
        state = value['state']
        if self.keys.state_shape is store.StateShape.STRING:
            self.assertIsInstance(state, str)
            state = json.loads(state)
        for member in state.values():
            self.assertIsInstance(member, str)


def _version(text: str) -> int:
    try:
        return int(json.loads(text)['version'])
    except (ValueError, TypeError, KeyError):
        return 0

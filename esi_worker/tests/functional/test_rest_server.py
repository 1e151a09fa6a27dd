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

"""A service of ours and a fake REST server on a real etcd.

With both sets of keys, each below a prefix of its own, and both shapes
of states.
What every case asks for is tested in memory; this is the one life that
shows that keys, options and processes fit together.
"""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
import json
from typing import Any

from esi_worker import store
from esi_worker.tests import rest_server
from esi_worker.tests.functional import service_support as support

COLUMNS = ('id', 'tenant_id', 'needs', 'noop')


class RestServerTest(support.ServiceTestCase):
    def go(self, name: str, prefix: str, shape: store.StateShape) -> None:
        """One life of a resource with these keys."""
        keys = store.KeyLayout(
            config_prefix=f'/{name}/config',
            state_prefix=f'/{name}{prefix}/state',
            monitoring_prefix=f'/{name}{prefix}/monitoring',
            state_shape=shape,
        )
        self.start(
            name,
            resources={
                'template_paths': support.thing_folder(self.folder / name),
                'handlers': 'noop',
            },
            keys={
                'config_prefix': keys.config_prefix,
                'state_prefix': keys.state_prefix,
                'monitoring_prefix': keys.monitoring_prefix,
                'state_shape': keys.state_shape.value,
            },
        )
        with store.EtcdStore([self.server.endpoint]) as target:
            rest = rest_server.RestServer(target, keys)
            with contextlib.closing(rest):
                self.live(rest, keys, f'v2.0/things/{name}')

    def test_short_keys_and_nested_states(self) -> None:
        self.go('a', '', store.StateShape.NESTED)

    def test_short_keys_and_states_in_a_string(self) -> None:
        self.go('b', '', store.StateShape.STRING)

    def test_long_keys_and_nested_states(self) -> None:
        self.go('c', '/state_watch', store.StateShape.NESTED)

    def test_long_keys_and_states_in_a_string(self) -> None:
        self.go('d', '/state_watch', store.StateShape.STRING)

    def live(
        self, rest: rest_server.RestServer, keys: store.KeyLayout, path: str
    ) -> None:
        rest.create(path, COLUMNS, id='a thing', tenant_id='t')
        row = self.await_version(rest, path, 1)
        self.assertEqual('', row.error)
        rest.update(path, noop={'fail': 'no luck'})
        row = self.await_version(rest, path, 2)
        self.assertEqual('NoopFailure: no luck', row.error)
        rest.update(path, noop={'wait': 1, 'after': 0.1})
        rest.update(path, noop=None)
        row = self.await_version(rest, path, 4)
        self.assertEqual('', row.error)
        self.assertEqual(
            'MODIFY_COMPLETED', reported(row, keys)['worker_state']
        )
        self.assertEqual([], rest.dropped)
        rest.delete(path)
        self.history.deleted(f'/esi-worker/config/{path}')
        self.assertIsNone(self.etcd.get(keys.state(path)))

    def await_version(
        self, rest: rest_server.RestServer, path: str, version: int
    ) -> rest_server.Row:
        def reached() -> bool:
            rest.follow(0.1)
            return rest.rows[path].state_version == version

        support.wait_for(reached, f'version {version} of {path}')
        return rest.rows[path]


def reported(row: rest_server.Row, keys: store.KeyLayout) -> Mapping[str, Any]:
    """What the server, or its extension, has got of the state."""
    state: Mapping[str, Any] = row.seen['state']
    if keys.state_shape is store.StateShape.STRING:
        state = json.loads(row.state)
    return state

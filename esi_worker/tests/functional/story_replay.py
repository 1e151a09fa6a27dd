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

"""Replays a recorded story: Nova and the REST server, scripted.

The script is the recorded order of writes and published states. A write
is done when everything that was published before it is published again,
so no version comes before the state of the one before. What was in
progress at a write is in progress again: the stand-ins of its stack are
held until the record says that its state was published. That is how a
server waits for its ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
from typing import Any

from esi_worker.embedded import faults
from esi_worker.tests.functional import stories
from esi_worker.tests.functional.raw_etcd import History, RawEtcd


class Replay:
    """One replay, seen through etcd."""

    def __init__(
        self,
        story: stories.Story,
        etcd: RawEtcd,
        history: History,
        script: faults.Faults,
        before_release: Callable[[stories.Write], None],
    ) -> None:
        """Prepare it.

        :param history: everything since before the service was started
        :param script: tells the stand-ins in Heat what to do
        :param before_release: called while a stack is held
        """
        self.story = story
        self._etcd = etcd
        self._history = history
        self._script = script
        self._before_release = before_release

    def run(self) -> None:
        """Write everything, and wait until all is published."""
        for event in self.story.events():
            if isinstance(event, stories.Write):
                self._write(event)
            else:
                self._before_release(event.write)
                self._release(event.write)
                self.published(event.write)
        for write in self.story.writes:
            if write.value is None:
                self._history.deleted(f'/esi-worker/config/{write.path}')

    def published(self, write: stories.Write) -> dict[str, Any]:
        """The state of a write; waits for it."""
        found = self._history.put(
            f'/state/{write.path}',
            lambda event: event.json['version'] == write.version,
        )
        value: dict[str, Any] = found.json
        return value

    def _write(self, write: stories.Write) -> None:
        if write.value is None:
            # The second step of a deletion.
            self._etcd.delete(write.key)
            self._etcd.delete(f'/state/{write.path}')
            return
        if write.type == 'port' and (write.version or 0) > 1:
            self._await_server(write)
        for job in write.jobs:
            self._await_dependencies(job)
        self._hold(write)
        body = json.dumps(write.body)
        self._etcd.put_json(write.key, {**write.value, 'body': body})

    def _await_server(self, write: stories.Write) -> None:
        """Nova changes ports only while it works on a server."""
        servers = [
            each
            for each in self.story.writes
            if each.type == 'vnf_instance' and each.time < write.time
        ]
        for job in servers[-1].jobs if servers else ():
            self._history.put(
                f'/jobs/working/{stories.without_end(job["id"])}:'
            )

    def _await_dependencies(self, job: Mapping[str, Any]) -> None:
        """A job can only wait for those that have been made."""
        for job_id in job['dependency']:
            self._history.put(f'/jobs/all/{stories.without_end(job_id)}:')

    def _hold(self, write: stories.Write) -> None:
        markers = ['hold', *(f'id-{id_}' for id_ in _server_ids(write))]
        for name in _names(write):
            self._script.set(name, *markers)

    def _release(self, write: stories.Write) -> None:
        for name in _names(write):
            self._script.clear(name)


def _names(write: stories.Write) -> set[str]:
    """What templates give stand-ins as names."""
    return {write.id, write.body.get('name') or write.id}


def _server_ids(write: stories.Write) -> list[str]:
    """The id that Nova gave; the ports know it before the stack does."""
    outputs = (write.stack or {}).get('output', [])
    return [
        each['output_value']
        for each in outputs
        if each['output_key'] == 'server_id'
    ]

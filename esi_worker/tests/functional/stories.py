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

"""Recorded stories: what was written and published, in time order.

A story is a file ``story/<scenario>.jsonl`` of the recorded traces. Its
writes and its published states become one line of events, which a replay
follows without the pauses in between. Ids and tenants are exchanged for
others, so that several replays can share a Heat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import functools
import json
import re
from typing import Any
import uuid

from esi_worker.tests.conformance import traces

UUID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """One change of a config and what came of it.

    ``value`` is the envelope with its decoded body, None when the key
    was deleted. ``published`` is when the state appeared.
    """

    time: str
    key: str
    type: str
    id: str
    version: int | None
    value: Mapping[str, Any] | None
    jobs: tuple[Mapping[str, Any], ...]
    state: Mapping[str, Any] | None
    stack: Mapping[str, Any] | None
    monitoring: tuple[Mapping[str, Any], ...]
    published: str | None

    @property
    def path(self) -> str:
        return self.key.removeprefix('/config/')

    @property
    def body(self) -> Mapping[str, Any]:
        body: Mapping[str, Any] = (self.value or {}).get('body', {})
        return body

    @property
    def is_deleted_by_a_job(self) -> bool:
        return any(job['action'] == 'logical_delete' for job in self.jobs)

    def __str__(self) -> str:
        return f'{self.type} {self.id} version {self.version}'


@dataclasses.dataclass(frozen=True, slots=True)
class Published:
    """The state of a write has appeared."""

    write: Write


class Story:
    """All writes of one scenario, in the order of their times."""

    def __init__(self, text: str) -> None:
        """:param text: the JSON Lines of the file"""
        writes = [_write(json.loads(line)) for line in text.splitlines()]
        self.writes = sorted(writes, key=lambda write: write.time)

    def events(self) -> Iterator[Write | Published]:
        """Writes and states in the order in which they were seen."""
        line: list[tuple[str, int, Write | Published]] = []
        for number, write in enumerate(self.writes):
            line.append((write.time, number, write))
            if write.published is not None:
                line.append((write.published, number, Published(write)))
        line.sort(key=lambda each: each[:2])
        return (event for _, _, event in line)

    @property
    def jobs(self) -> dict[str, Mapping[str, Any]]:
        """The recorded jobs by their ids without the random end."""
        return {
            without_end(job['id']): job
            for write in self.writes
            for job in write.jobs
        }

    def busy_ports(self, server: Write) -> set[str]:
        """The jobs of a server's ports at the time of a write of it."""
        ports = {entry.get('port') for entry in server.body['networks']}
        return {
            without_end(job['id'])
            for write in self.writes
            for job in write.jobs
            if write.id in ports
            and write.time < server.time < str(write.published)
        }

    def last(self) -> dict[str, Write]:
        """The last write of every key."""
        return {write.key: write for write in self.writes}


def load(recorded: traces.Traces, scenario: str, tenant: str) -> Story:
    """Read a story, with ids of its own.

    :param tenant: takes the place of the recorded tenant
    """
    text = (recorded.root / 'story' / f'{scenario}.jsonl').read_text('utf-8')
    space = uuid.uuid5(uuid.NAMESPACE_OID, tenant)
    text = UUID.sub(lambda found: str(uuid.uuid5(space, found.group())), text)
    return Story(text.replace(_tenant_of(text), tenant))


def without_end(job_id: str) -> str:
    """A job's id without its random end."""
    return job_id.rpartition(':')[0]


def _tenant_of(text: str) -> str:
    for line in text.splitlines():
        record = json.loads(line)
        if record['type'] == 'tenant':
            return str(record['id'])
    raise LookupError('the story has no tenant')


def _write(record: Mapping[str, Any]) -> Write:
    return Write(
        time=record['t'],
        key=record['config_key'],
        type=record['type'],
        id=record['id'],
        version=record['version'],
        value=record['config_value'],
        jobs=tuple(record['workflow']),
        state=record['state'],
        stack=record['heat_stack'],
        monitoring=tuple(each['value'] for each in record['monitoring']),
        published=record.get('state_time'),
    )


# --- comparing ------------------------------------------------------------

#: What a controller, a collector or a laboratory has made up.
_MADE_UP = (
    # A real controller shows the id of the IPAM.
    (re.compile(r'default-domain:default-project:[\w-]+-ipam'), '<uuid>'),
    (UUID, '<uuid>'),
    (re.compile(r'(?:[0-9a-f]{2}:){5}[0-9a-f]{2}'), '<mac>'),
    (re.compile(r'http://[^/]+/targets/'), 'http://<collector>/targets/'),
    (re.compile(r'default-domain:\w+:'), 'default-domain:<project>:'),
    # The recorded controller knew one switch, whatever the config said.
    (re.compile(r'NWSDP-JNPR-02|QFX-NW01'), '<switch>'),
    (re.compile(r'xe-0/0/\d+'), '<interface>'),
    (re.compile(r'<interface>\.\d+'), '<logical interface>'),
)


def comparable(value: Mapping[str, Any], *, described: bool) -> Any:
    """A stack's record, or a state, without what cannot be the same twice.

    :param described: keep the descriptions of outputs, which are those
        of the template
    """
    if 'output' in value:
        return {**value, 'output': _outputs(value['output'], described)}
    inner = dict(value['state'])
    if 'heat_outputs' in inner:
        outputs = json.loads(inner['heat_outputs'])
        inner['heat_outputs'] = _outputs(outputs, described)
    return {**value, 'state': inner}


def _outputs(outputs: list[dict[str, Any]], described: bool) -> dict[str, Any]:
    return {
        each['output_key']: (
            each['description'] if described else '',
            _known(each['output_value']),
        )
        for each in outputs
    }


def _known(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return functools.reduce(
        lambda text, each: each[0].sub(each[1], text), _MADE_UP, text
    )

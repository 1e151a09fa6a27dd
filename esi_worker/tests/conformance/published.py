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

"""``story/``: the states that workflows publish in the end.

A state is put together from what the jobs have brought: here from the
recorded record of the stack. The word for what was done follows from
the workflow. Lists of outputs are compared without their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import json
from typing import Any

from esi_worker.model import Action, JobState, PublishedState

_OUTPUTS = 'heat_outputs'


def findings(records: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """For each write with jobs and a state: its name and what differs."""
    for record in records:
        if record.get('workflow') and record.get('state'):
            name = f'{record["config_key"]} version {record["version"]}'
            yield name, _difference(record)


def _difference(record: Any) -> str:
    recorded = PublishedState(**record['state'])
    ours = _expected(record, recorded)
    if _comparable(ours) == _comparable(recorded):
        return ''
    return f'ours is {_comparable(ours)}, not {_comparable(recorded)}'


def _expected(record: Any, recorded: PublishedState) -> PublishedState:
    action = Action(record['workflow'][-1]['action'])
    if record['config_value'].get('marked_for_deletion'):
        action = Action.LOGICAL_DELETE
    version = int(record['version'])
    results = JobState(dict(_results(record.get('heat_stack'), recorded)))
    if recorded.error:
        return PublishedState.failed(action, version, results, recorded.error)
    return PublishedState.completed(action, version, results)


def _results(
    stack: Mapping[str, Any] | None, recorded: PublishedState
) -> Iterator[tuple[str, Any]]:
    """What the jobs have brought, as far as the recorded state tells of
    it: the system of 2017 told of less."""
    for name in recorded.state:
        if name == _OUTPUTS:
            yield name, stack['output'] if stack else recorded.state[name]
        elif name == 'orchestration_state' and stack is not None:
            yield name, stack['stack_status']
        elif name != 'worker_state':
            yield name, recorded.state[name]


def _comparable(state: PublishedState) -> Any:
    values = dict(state.state)
    if isinstance(values.get(_OUTPUTS), str):
        outputs = json.loads(values[_OUTPUTS])
        values[_OUTPUTS] = sorted(
            json.dumps(output, sort_keys=True) for output in outputs
        )
    return state.version, state.error, values

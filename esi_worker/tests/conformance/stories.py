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

"""``story/``: what the jobs of each config write have to wait for.

For each write the unfinished jobs of that moment are put into a job
table as the manager keeps it, and our rules say which of them a new
workflow depends on. Some recordings come from watchers that lose events
or show those of one burst out of order; what came within one burst may
or may not have been there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import dataclasses
from typing import Any

from esi_worker import exceptions
from esi_worker.drivers import Plan
from esi_worker.model import Action, Job, ResourceRef
from esi_worker.scheduler import dependencies, workflows
from esi_worker.scheduler.jobtable import JobTable
from esi_worker.tests.conformance.traces import Known, Run

#: So many events may lie between two that a lossy watcher has swapped.
BURST = 3
#: The stories of watchers that lose events or swap those of a burst.
_LOSSY = ('00_', '04_', '05_')


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """One recorded write with the workflow it made."""

    record: Any
    jobs: tuple[Job, ...]

    @property
    def seq(self) -> int:
        """When its workflow was made."""
        made = [job['seq'] for job in self.record['workflow']]
        return int(min(made, default=self.record['seq']))


class Story:
    """All writes of a scenario, in their order."""

    def __init__(self, run: Run, records: Sequence[Any]) -> None:
        self._run = run
        self._records = [
            each for each in records if each.get('config_value') is not None
        ]
        self.writes = [
            Write(record, self._jobs(record)) for record in self._records
        ]
        self._known = {
            job.id: job for write in self.writes for job in write.jobs
        }

    def differences(self, write: Write, burst: int) -> str:
        """How the recorded dependencies differ from ours, if they do.

        :param burst: how far swapped events may lie from each other
        """
        recorded = write.record['workflow']
        ours = [(job.handler, job.action.value) for job in write.jobs]
        theirs = [(job['handler'], job['action']) for job in recorded]
        if ours != theirs:
            return f'the workflow is {ours}, not {theirs}'
        before: list[str] = []
        for job in recorded[1:]:
            before.append(recorded[len(before)]['id'])
            if set(job['dependency']) != set(before):
                return f'{job["id"]} depends on {job["dependency"]}'
        there, unsure = self._unfinished(write, burst)
        expected = set(recorded[0]['dependency'])
        least = self._depends(write, there - unsure)
        most = self._depends(write, there | unsure | expected)
        if least <= expected <= most:
            return ''
        return (
            f'recorded beyond ours: {sorted(expected - most)}; '
            f'ours beyond recorded: {sorted(least - expected)}'
        )

    def _depends(self, write: Write, there: set[str]) -> set[str]:
        table = JobTable()
        for job_id in sorted(there):
            job = self._known.get(job_id) or _stranger(job_id)
            table.add(job, ready=True, stored_at=1)
        ref = write.jobs[0].resource
        return set(dependencies.outer_dependencies(table, ref, write.jobs))

    def _unfinished(
        self, write: Write, burst: int
    ) -> tuple[set[str], set[str]]:
        """The unfinished jobs, and those that are not sure to be."""
        own = {job.id for job in write.jobs}
        there = set(write.record.get('in_flight') or ()) - own
        unsure = set()
        for other in self.writes:
            if other is write:
                continue
            for job in other.record['workflow']:
                if abs(job['seq'] - write.seq) <= burst:
                    unsure.add(job['id'])
                elif write.record['seq'] < job['seq'] < write.seq:
                    there.add(job['id'])
            end = other.record.get('state_seq')
            if end is not None and abs(end - write.seq) <= burst:
                unsure |= {job['id'] for job in other.record['workflow']}
        return there, unsure - own

    # --- the jobs ---------------------------------------------------------

    def _jobs(self, record: Any) -> tuple[Job, ...]:
        recorded = record['workflow']
        if not recorded:
            return ()
        resource = self._run.resource(
            record['config_key'], record['config_value']
        )
        names = iter([job['id'] for job in recorded])
        return workflows.build(
            _action(record),
            resource,
            self._plan(record, record['config_value']),
            self._previous(record),
            lambda _action, handler: next(names, f'one too many: {handler}'),
            {},
        )

    def _plan(self, record: Any, value: Any) -> Plan:
        resource = self._run.resource(record['config_key'], value)
        return self._run.drivers.plan(
            resource, self._view(record), lenient=True
        )

    def _previous(self, record: Any) -> Plan | None:
        """The plan of the version before."""
        earlier = [
            other
            for other in self._records
            if other['config_key'] == record['config_key']
            and other['version'] < record['version']
        ]
        if not earlier:
            return None
        latest = max(earlier, key=lambda other: int(other['version']))
        return self._plan(record, latest['config_value'])

    def _view(self, record: Any) -> Known:
        """The configs that were there, each in its latest version."""
        configs: dict[str, Any] = {}
        for other in self._records:
            if other['seq'] <= record['seq'] + BURST:
                configs[other['config_key']] = other['config_value']
        return self._run.known(configs)


def _action(record: Any) -> Action:
    """What a workflow is for, as the manager decides."""
    if record['config_value'].get('marked_for_deletion'):
        return Action.LOGICAL_DELETE
    return Action.MODIFY if record['version'] > 1 else Action.CREATE


def _stranger(job_id: str) -> Job:
    """A job from before the recording: only its name is known."""
    action, handler, type_, id_, version, _ = job_id.split(':', 5)
    return Job(
        job_id,
        Action(action),
        handler,
        ResourceRef(type_, id_),
        int(version),
        (),
        {},
    )


def dependency_findings(
    run: Run, scenario: str, records: Sequence[Any]
) -> Iterator[tuple[str, str]]:
    """For each workflow its first job and what differs."""
    story = Story(run, records)
    for write in story.writes:
        if write.record['workflow']:
            try:
                mismatch = story.differences(write, 0)
                if mismatch and scenario.startswith(_LOSSY):
                    mismatch = story.differences(write, BURST)
            except exceptions.EsiWorkerError as error:
                mismatch = str(error)
            yield write.record['workflow'][0]['id'], mismatch

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

"""What a job publishes, in the words of the original system.

The values are those of sections 2.2 and 2.6 of the reference of the Heat
worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esi_worker import exceptions, masking
from esi_worker.handlers import resolving
from esi_worker.handlers.heat import backend, errors, journeys
from esi_worker.model import (
    Done,
    Failed,
    Job,
    StackMark,
    StackRecord,
)
from esi_worker.model.codec import Json
from esi_worker.model.records import shorten

#: Heat's own wording differs between its versions.
_REASONS = {
    'CREATE_COMPLETE': 'Stack CREATE completed successfully',
    'UPDATE_COMPLETE': 'Stack successfully updated',
}


def done(journey: journeys.Journey, details: backend.StackDetails) -> Done:
    """A stack has become what the job wants."""
    outputs = list(details.outputs)
    status = details.info.status
    return Done(
        results=_results(outputs, status),
        stack=StackRecord(
            id=str(journey.job.resource),
            tenant_id=journey.tenant,
            stack_id=journey.name,
            stack_status=status,
            status_reason=_REASONS.get(status, details.info.reason),
            output=outputs,
            mark=StackMark(details.info.id, details.info.changed_at),
        ),
    )


def deleted(journey: journeys.Journey) -> Done:
    """The stack is gone."""
    return Done(
        results=_results([], 'DELETE_COMPLETE'),
        stack=StackRecord.deleted(journey.job.resource, journey.tenant),
    )


def failed(
    job: Job, error: exceptions.EsiWorkerError, secrets: frozenset[str]
) -> Failed:
    """A job has failed before anything happened to its stack."""
    text = masking.masked(f'{type(error).__name__}: {error}', secrets)
    status = f'{job.action.verb}_ERROR'
    return Failed(error=shorten(text), results=_results([], status))


def stack_failed(
    journey: journeys.Journey,
    error: errors.StackError,
    resolver: resolving.Resolver,
) -> Failed:
    """A stack has failed; its outputs stay as they were published last.

    :raises StoreUnavailable: they cannot be read
    """
    job = journey.job
    plain = failed(job, error, journey.secrets)
    record = StackRecord(
        id=str(job.resource),
        tenant_id=journey.tenant,
        stack_id=journey.name,
        stack_status=error.info.status,
        status_reason=shorten(
            masking.masked(error.info.reason, journey.secrets)
        ),
        output=_last_outputs(job, resolver),
        mark=StackMark(error.info.id, error.info.changed_at),
    )
    return Failed(plain.error, plain.results, record)


def _last_outputs(
    job: Job, resolver: resolving.Resolver
) -> Sequence[Mapping[str, Json]]:
    try:
        record = resolver.record(job.resource)
    except exceptions.DecodeError:
        return []
    return record.output if record else []


def _results(outputs: Sequence[Json], status: str) -> dict[str, Json]:
    return {'heat_outputs': outputs, 'orchestration_state': status}

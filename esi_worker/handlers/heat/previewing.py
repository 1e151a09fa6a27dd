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

"""Asks what a job would change, and touches nothing."""

from __future__ import annotations

from collections.abc import Sequence

from esi_worker.handlers.base import Difference
from esi_worker.handlers.heat import backend, differing, preparing, secrecy
from esi_worker.model import Job


def differences(
    job: Job,
    stacks: backend.StackBackend,
    preparer: preparing.Preparer,
    secrets: secrecy.Secrecy,
) -> Sequence[Difference]:
    """What a job would change in its stack.

    :raises TerminalError: the job would fail, and why
    :raises TransientError: something cannot be reached
    """
    tenant, name = preparing.tenant_of(job), preparing.stack_name(job)
    info = stacks.find(tenant, name)
    if job.action.deletes:
        if info is None:
            return ()
        content = stacks.content(tenant, name, info.id)
        return differing.of_deletion(content, secrets.of(job))
    prepared = preparer.prepare(job)
    known = secrets.of(job, prepared.values, prepared.request.template)
    after = differing.wanted(prepared.request)
    if info is None:
        return differing.of_creation(after, known)
    before = stacks.content(tenant, name, info.id)
    changes = stacks.preview(tenant, info.id, prepared.request)
    return differing.of_update(before, after, changes, known)

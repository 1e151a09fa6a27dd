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


"""Tells what failed within a stack, or has not ended.

Heat's own reason for a stack that ran out of time is ``Timed out``; which
of its resources are to blame is known only to them.
"""

from __future__ import annotations

from oslo_log import log

from esi_worker import exceptions
from esi_worker.handlers.heat import backend, journeys

LOG = log.getLogger(__name__)

_MAX_RESOURCES = 3
_MAX_REASON = 200
#: Heat begins so the name of a resource that it quotes in a reason.
_QUOTED = 'resources.'


def told(
    stacks: backend.StackBackend,
    journey: journeys.Journey,
    info: backend.StackInfo,
) -> str:
    """Why a stack has failed or does not end, in a few words."""
    reason = info.reason or f'the stack is {info.status}'
    if _QUOTED in reason:
        return reason
    found = culprits(stacks, journey, info)
    return f'{reason}: {found}' if found else reason


def culprits(
    stacks: backend.StackBackend,
    journey: journeys.Journey,
    info: backend.StackInfo,
) -> str:
    """The resources that failed, or else those that have not ended.

    It is empty when there are none, or when Heat does not tell.
    """
    try:
        resources = stacks.resources(journey.tenant, journey.name, info.id)
    except exceptions.EsiWorkerError as error:
        LOG.warning(
            'Stack %s: its resources cannot be read (%s)',
            journey.name,
            type(error).__name__,
        )
        return ''
    found = [resource for resource in resources if resource.failed]
    found = found or [each for each in resources if each.running]
    texts = [_described(resource) for resource in found[:_MAX_RESOURCES]]
    if len(found) > _MAX_RESOURCES:
        texts.append(f'and {len(found) - _MAX_RESOURCES} more')
    return '; '.join(texts)


def _described(resource: backend.ResourceInfo) -> str:
    text = f'{resource.name} ({resource.type}) is {resource.status}'
    reason = ' '.join(resource.reason.split())
    if resource.failed and reason:
        cut = '...' if len(reason) > _MAX_REASON else ''
        text += f': {reason[:_MAX_REASON]}{cut}'
    return text

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

"""The record of every change that is made in Heat.

Each change leaves two lines of JSON on the log channel
``esi_worker.audit``: one when it was asked for, one when its job has
ended. They name the job, the stack and the request id under which the
change stands in Heat's own log, so that even a change whose answer was
lost can be followed there. Parameters and templates are never told, and
reasons are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import dataclasses
import json
import uuid

from oslo_log import log

from esi_worker import exceptions, masking
from esi_worker.handlers.heat import errors, journeys
from esi_worker.model import Done, Failed, Outcome
from esi_worker.model.records import shorten

#: Where the records go.
CHANNEL = 'esi_worker.audit'
LOG = log.getLogger(CHANNEL)

#: Heat has taken the change; how it ends is told later.
ACCEPTED = 'accepted'
#: Heat will not do it.
REFUSED = 'refused'
#: No answer: Heat may have taken it, or never heard of it.
UNKNOWN = 'unknown'
COMPLETE = 'complete'
FAILED = 'failed'


@dataclasses.dataclass(slots=True)
class Change:
    """A change that is being asked for."""

    action: str
    stack_id: str
    request_id: str


@contextlib.contextmanager
def change(
    journey: journeys.Journey, action: str, stack_id: str = ''
) -> Iterator[Change]:
    """Record what becomes of a request for a change.

    :param action: CREATE, UPDATE or DELETE
    :param stack_id: known already, or set on what is handed out
    """
    asked = Change(action, stack_id, new_request_id())
    before, journey.change = journey.change, (action, asked.request_id)
    try:
        yield asked
    except errors.StackExists:
        # A creation that finds its stack is a look, not a change.
        journey.change = before
        raise
    except exceptions.EsiWorkerError as error:
        unknown = isinstance(error, errors.HeatUnavailable)
        outcome = UNKNOWN if unknown else REFUSED
        _record(journey, asked, outcome, _told(journey, error))
        raise
    except BaseException as error:
        _record(journey, asked, UNKNOWN, type(error).__name__)
        raise
    _record(journey, asked, ACCEPTED)


def ended(journey: journeys.Journey, outcome: Outcome) -> None:
    """Record how the last change of a job has ended, if it made any."""
    if journey.change is None or not isinstance(outcome, Done | Failed):
        return
    last = Change(journey.change[0], journey.stack_id, journey.change[1])
    if isinstance(outcome, Done):
        _record(journey, last, COMPLETE)
    else:
        _record(journey, last, FAILED, outcome.error)


def new_request_id() -> str:
    """An id of the form that OpenStack services accept from outside."""
    return f'req-{uuid.uuid4()}'


def _record(
    journey: journeys.Journey, asked: Change, outcome: str, reason: str = ''
) -> None:
    fields = {
        'event': 'heat',
        'action': asked.action,
        'job': journey.job.id,
        'outcome': outcome,
        'reason': reason,
        'request_id': asked.request_id,
        'resource': str(journey.job.resource),
        'stack': journey.name,
        'stack_id': asked.stack_id,
        'tenant_id': journey.tenant,
        'version': journey.job.version,
    }
    LOG.info('%s', json.dumps(fields))


def _told(journey: journeys.Journey, error: Exception) -> str:
    return shorten(masking.masked(str(error), journey.secrets))

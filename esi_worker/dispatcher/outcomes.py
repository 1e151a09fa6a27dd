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

"""Reading what a handler's call brought.

A handler may answer, raise, or not come back. Transient errors mean
another try, everything else that is no outcome fails the job with a
short text; tracebacks go to the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
import random

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, metrics
from esi_worker.dispatcher.calls import Returned
from esi_worker.dispatcher.runs import Phase, Run
from esi_worker.model import (
    Done,
    Failed,
    InProgress,
    JobState,
    Outcome,
    Retry,
    StackMark,
    StackRecord,
    records,
)

LOG = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


def read(returned: Returned) -> Outcome:
    """What a call of ``start`` means for its job."""
    if returned.error is not None:
        return _read_error(returned.error)
    value = returned.value
    if not isinstance(value, Done | Failed | InProgress | Retry):
        return Failed(
            'HandlerError: the handler answered '
            f'{type(value).__name__} instead of an outcome'
        )
    try:
        _check(value)
    except Exception as error:  # noqa: BLE001 - plugins answer anything
        return Failed(
            records.shorten(
                f'HandlerError: the handler answered {type(value).__name__} '
                f'with a wrong value: {error}'
            )
        )
    return value


def _check(outcome: Outcome) -> None:
    """Make sure that an outcome can be worked with and stored."""
    if isinstance(outcome, Done | Failed):
        JobState().merged(outcome.results).encode()
        _check_stack(outcome.stack)
        if isinstance(outcome, Failed) and not (
            isinstance(outcome.error, str) and outcome.error
        ):
            # An empty one would look like a success.
            raise TypeError('"error" must be a text')
    elif outcome.after is not None and not math.isfinite(outcome.after):
        raise ValueError('"after" must be a number of seconds')
    elif isinstance(outcome, InProgress) and outcome.after is None:
        raise ValueError('"after" is missing')


def _check_stack(stack: object) -> None:
    if stack is None:
        return
    if not isinstance(stack, StackRecord):
        raise TypeError('"stack" must be a StackRecord')
    stack.encode()
    mark: object = stack.mark
    if isinstance(mark, StackMark):
        mark.encode()
    elif mark is not None:
        raise TypeError('"mark" of "stack" must be a StackMark')


def read_many(
    returned: Returned, job_ids: Sequence[str]
) -> dict[str, Outcome]:
    """What a call of ``poll`` means for each of its jobs."""
    if returned.error is not None:
        outcome = _read_error(returned.error)
        if isinstance(outcome, Retry):
            # The work itself goes on; only looking at it failed.
            return {
                job_id: InProgress(outcome.after or 0.0, outcome.reason)
                for job_id in job_ids
            }
        return dict.fromkeys(job_ids, outcome)
    if not isinstance(returned.value, Mapping):
        return dict.fromkeys(job_ids, read(returned))
    answers = returned.value
    return {
        job_id: read(Returned(None, answers.get(job_id, InProgress())))
        for job_id in job_ids
    }


def is_shared_failure(
    answers: Mapping[str, Outcome], returned: Returned
) -> bool:
    """Whether one call failed for several jobs, so that nobody knows
    which of them is the culprit."""
    if len(answers) < 2:
        return False
    failed = all(isinstance(each, Failed) for each in answers.values())
    return failed and not isinstance(returned.value, Mapping)


def timed_out(call: str, limit: float) -> Failed:
    """The outcome of a call that does not come back."""
    return Failed(f'CallTimeout: {timeout_text(call, limit)}')


def timeout_text(call: str, limit: float) -> str:
    return f'the handler did not return from {call} within {limit:.0f} s'


def put_off(run: Run, outcome: Retry, clock: clocks.Clock) -> None:
    """Let a run wait until its next try."""
    run.move(Phase.WAITING)
    run.failures += 1
    metrics.RETRIES.labels(run.job.handler).inc()
    run.wait(clock.monotonic(), pause(run.failures, outcome.after))
    _explain(run, outcome.reason, clock)


def go_on(run: Run, outcome: InProgress, clock: clocks.Clock) -> None:
    """Let a run wait until it is looked at again."""
    run.move(Phase.IN_PROGRESS)
    run.failures = run.failures + 1 if outcome.reason else 0
    hint = outcome.after or None if outcome.reason else outcome.after
    run.wait(clock.monotonic(), pause(run.failures, hint))
    _explain(run, outcome.reason, clock)


def _explain(run: Run, reason: str, clock: clocks.Clock) -> None:
    """Keep the reason why a run waits, and since when; tell a new one."""
    if not (reason and run.reason):
        run.since = clocks.timestamp(clock) if reason else ''
    if reason and reason != run.reason:
        LOG.warning('Job %s waits and is tried again: %s', run.job.id, reason)
    run.reason = reason


def pause(failures: int, hint: float | None) -> float:
    """Seconds until the next try: the hint, or doubling with jitter."""
    if hint is not None:
        return hint
    longest: float = min(
        _LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 10)
    )
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _read_error(error: BaseException) -> Outcome:
    text = f'{type(error).__name__}: {error}'
    if isinstance(error, exceptions.TransientError):
        return Retry(records.shorten(text), error.after)
    if isinstance(error, exceptions.ClaimLost):
        return Retry(records.shorten(text))
    if not isinstance(error, exceptions.TerminalError):
        LOG.error('A handler failed unexpectedly', exc_info=error)
    return Failed(records.shorten(text))

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

"""Tasks that one worker of all does from time to time.

For each task the workers elect one of them, whose key is on its lease;
everything that a task wants written is fenced with that key. A task goes
step by step with a pause after each, so that it never takes the worker's
place in front of Heat. What goes wrong ends the round, not the worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import dataclasses
import threading
import uuid

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.handlers import PeriodicTask, Upkeep

LOG = logging.getLogger(__name__)

#: Seconds between two tries to be the one, and before its first round.
PATIENCE = 30.0
#: Seconds that a request to the manager waits for its turn.
REQUEST_TTL = 3600
_LONGEST_WAIT = 5.0


class PeriodicRunner:
    """The tasks of one worker, under one lease."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        tasks: Sequence[PeriodicTask],
        lease: store.Lease,
        identity: str,
        clock: clocks.Clock,
    ) -> None:
        self._clock = clock
        self._turns = [
            _Turn(
                target,
                keys,
                task,
                store.Election(
                    target, keys.periodic(task.name), identity, lease
                ),
                clock,
            )
            for task in tasks
        ]
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Do the tasks in a thread of their own, if there are any."""
        if self._turns:
            self._thread = threading.Thread(
                target=self._run, name='periodic', daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Do no further step. One that waits for a backend is left to
        itself: it writes nothing without our lease."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_LONGEST_WAIT)

    def step(self) -> float:
        """Do what is due.

        :returns: seconds until something is due again
        """
        for turn in self._turns:
            turn.step()
        now = self._clock.monotonic()
        return max(0.0, min(turn.due for turn in self._turns) - now)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(min(self.step(), _LONGEST_WAIT))


@dataclasses.dataclass(slots=True)
class _Turn:
    """How far one task is; ``due`` is a monotonic time."""

    target: store.Store
    keys: store.KeyLayout
    task: PeriodicTask
    election: store.Election
    clock: clocks.Clock
    due: float = 0.0
    held: bool = False
    steps: Iterator[Upkeep] | None = None
    began: float = 0.0

    def step(self) -> None:
        now = self.clock.monotonic()
        if now < self.due:
            return
        try:
            self._step(now)
        except exceptions.FenceLost:
            self.held = False
            self._put_off(now + PATIENCE)
        except exceptions.StoreError as error:
            LOG.info('%s: the store is away: %s', self.task.name, error)
            self._put_off(now + PATIENCE)
        except exceptions.EsiWorkerError as error:
            LOG.warning('%s was cut short: %s', self.task.name, error)
            self._put_off(now + self.task.interval)
        except Exception:
            LOG.exception('%s has failed', self.task.name)
            self._put_off(now + self.task.interval)

    def _step(self, now: float) -> None:
        if not self.held:
            self.held = self.election.campaign()
            self.due = now + min(PATIENCE, self.task.interval)
            return
        if self.steps is None:
            self.began, self.steps = now, iter(self.task.run())
        upkeep = next(self.steps, None)
        if upkeep is None:
            self._put_off(max(now, self.began + self.task.interval))
        else:
            self._write(upkeep)
            # A step may take longer than the pause after it.
            self.due = self.clock.monotonic() + self.task.pause

    def _put_off(self, due: float) -> None:
        self.steps, self.due = None, due

    def _write(self, upkeep: Upkeep) -> None:
        transitions = list(upkeep.transitions)
        if upkeep.requests:
            lease = self.target.grant(REQUEST_TTL)
            transitions += [
                store.Transition(
                    (),
                    (
                        store.Put(
                            self.keys.request(f'{uuid.uuid4()}'),
                            request.encode(),
                            lease.id,
                        ),
                    ),
                )
                for request in upkeep.requests
            ]
        if transitions:
            store.commit(self.target, transitions, fence=[self.election.fence])

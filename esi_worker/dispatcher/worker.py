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

"""The loop of a worker process.

Three threads feed it: one follows the store, one keeps the lease, and
one for each running handler call. When the lease is lost everything that
was claimed under it is dropped without a further write, and the process
begins anew with another lease.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextvars
import dataclasses
import queue
import threading
import uuid

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, metrics, store, templates
from esi_worker import health as healths
from esi_worker.dispatcher import calls
from esi_worker.dispatcher.dispatcher import Dispatcher
from esi_worker.dispatcher.periodic import PeriodicRunner
from esi_worker.handlers import PeriodicTask

LOG = logging.getLogger(__name__)

_WAIT = 1.0
_PAUSE = 1.0

#: Makes a dispatcher for a lease and the identity that goes with it.
MakeDispatcher = Callable[[store.Lease, str], Dispatcher]

#: The keeper of the lease that carries the claims of this thread. A call
#: of a handler may outlive its lease and must not trust the next one.
_keeper: contextvars.ContextVar[store.LeaseKeeper | None] = (
    contextvars.ContextVar('keeper', default=None)
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Current:
    """What works under one lease."""

    keeper: store.LeaseKeeper
    follower: store.Follower
    dispatcher: Dispatcher


class Worker:
    """Takes jobs until it is stopped."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        catalog: templates.TemplateCatalog,
        make_dispatcher: MakeDispatcher,
        *,
        lease_ttl: int,
        graceful_timeout: float,
        silence_deadline: float,
        clock: clocks.Clock,
        tasks: Sequence[PeriodicTask] = (),
    ) -> None:
        self._store = target
        self._keys = keys
        self._catalog = catalog
        self._make_dispatcher = make_dispatcher
        self._lease_ttl = lease_ttl
        self._graceful_timeout = graceful_timeout
        self._silence_deadline = silence_deadline
        self._clock = clock
        self._tasks = tuple(tasks)
        self._stopping = threading.Event()
        self._inbox: queue.SimpleQueue[
            store.Snapshot | store.WatchBatch | None
        ] = queue.SimpleQueue()
        self._failing = False
        self._current: _Current | None = None

    def health(self) -> healths.Health:
        """How the worker is; from any thread."""
        current = self._current
        if current is None:
            return healths.Health(problem='the worker has no lease yet')
        follower, keeper = current.follower, current.keeper
        lost = keeper.lost.is_set()
        return healths.Health(
            watching=follower.alive,
            silence=follower.silence(),
            lease=0.0 if lost else keeper.remaining(),
            problem=str(follower.problem or ''),
            numbers=current.dispatcher.numbers(),
        )

    def claim_seconds(self) -> float:
        """How long the claims of this thread are ours for certain."""
        keeper = _keeper.get()
        if keeper is None or keeper.lost.is_set() or calls.is_given_up():
            return 0.0
        return keeper.remaining()

    def run(self) -> None:
        """Work until ``stop``, under one lease after the other."""
        while not self._stopping.is_set():
            try:
                self._work()
            except exceptions.StoreError as error:
                LOG.warning('The worker starts over: %s', error)
                self._stopping.wait(_PAUSE)

    def stop(self) -> None:
        """Finish or hand over what is claimed; from any thread."""
        self._stopping.set()
        self._wake()

    def _wake(self) -> None:
        self._inbox.put(None)

    def _work(self) -> None:
        keeper = store.LeaseKeeper(
            self._store,
            self._lease_ttl,
            clock=self._clock,
            on_lost=self._wake,
        )
        keeper.start()
        _keeper.set(keeper)
        try:
            self._serve(keeper)
        finally:
            keeper.stop()

    def _serve(self, keeper: store.LeaseKeeper) -> None:
        identity = str(uuid.uuid4())
        dispatcher = self._make_dispatcher(keeper.lease, identity)
        dispatcher.wake = self._wake
        templates_prefix = self._keys.config(
            f'{templates.HEAT_TEMPLATES_PATH}/'
        )
        # Templates first: no job is looked at before they are known.
        follower = store.Follower(
            self._store,
            (templates_prefix, *Dispatcher.prefixes(self._keys)),
            pulse_key=self._keys.pulse(identity),
            silence_deadline=self._silence_deadline,
            clock=self._clock,
        )
        feeder = threading.Thread(
            target=self._feed, args=(follower,), name='follower', daemon=True
        )
        feeder.start()
        runner = PeriodicRunner(
            self._store,
            self._keys,
            self._tasks,
            keeper.lease,
            identity,
            self._clock,
        )
        runner.start()
        LOG.info('Worker %s is ready', identity)
        self._current = _Current(keeper, follower, dispatcher)
        try:
            self._loop(dispatcher, keeper, templates_prefix)
        finally:
            self._current = None
            runner.stop()
            follower.close()
            feeder.join()
            self._drop_inbox()

    def _feed(self, follower: store.Follower) -> None:
        while not self._stopping.is_set() and not follower.closed:
            item = follower.poll(_WAIT)
            if item is not None:
                self._inbox.put(item)

    def _loop(
        self,
        dispatcher: Dispatcher,
        keeper: store.LeaseKeeper,
        templates_prefix: str,
    ) -> None:
        while not self._stopping.is_set():
            if keeper.lost.is_set():
                LOG.warning(
                    'The lease is lost; %d claimed jobs are dropped',
                    len(dispatcher),
                )
                metrics.CLAIMS_LOST.inc(len(dispatcher))
                return
            for item in self._receive(self._patience(dispatcher)):
                if item.prefix == templates_prefix:
                    self._take_templates(item)
                else:
                    dispatcher.take(item)
            self._step(dispatcher)
        self._drain(dispatcher, keeper)

    def _step(self, dispatcher: Dispatcher) -> None:
        try:
            dispatcher.step()
        except exceptions.LeaseLost as error:
            LOG.warning('The store refuses our lease: %s', error)
            self._stopping.wait(_PAUSE)
        except exceptions.StoreError as error:
            if not self._failing:
                LOG.warning('The worker cannot write, trying again: %s', error)
            self._failing = True
            self._stopping.wait(_PAUSE)
        else:
            if self._failing:
                LOG.info('The worker can write again')
            self._failing = False

    def _patience(self, dispatcher: Dispatcher) -> float:
        due = dispatcher.next_due()
        if due is None:
            return _WAIT
        return max(0.0, min(_WAIT, due - self._clock.monotonic()))

    def _receive(
        self, timeout: float
    ) -> list[store.Snapshot | store.WatchBatch]:
        items = []
        try:
            item = self._inbox.get(timeout=timeout)
            while True:
                if item is not None:
                    items.append(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return items

    def _drop_inbox(self) -> None:
        while not self._inbox.empty():
            self._inbox.get()

    def _take_templates(self, item: store.Snapshot | store.WatchBatch) -> None:
        if isinstance(item, store.Snapshot):
            self._catalog.replace_all({kv.key: kv.value for kv in item.items})
            return
        for event in item.events:
            if event.type is store.EventType.PUT:
                self._catalog.put(event.kv.key, event.kv.value)
            else:
                self._catalog.remove(event.kv.key[len(item.prefix) :])

    def _drain(
        self, dispatcher: Dispatcher, keeper: store.LeaseKeeper
    ) -> None:
        """Let running calls end, write what they bring, give back the
        rest."""
        dispatcher.drain()
        deadline = self._clock.monotonic() + self._graceful_timeout
        LOG.info('Worker stops, %d jobs are claimed', len(dispatcher))
        while (
            dispatcher.busy
            and self._clock.monotonic() < deadline
            and not keeper.lost.is_set()
        ):
            self._receive(min(_WAIT, self._graceful_timeout))
            self._step(dispatcher)
        dispatcher.hand_over()

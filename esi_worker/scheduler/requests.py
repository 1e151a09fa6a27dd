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

"""What operators have asked for and what was not answered yet.

The mirror of ``/esi-worker/requests``. A request to *reapply* a resource
goes through the planner like a new version: its answer is part of the
transaction that stores the jobs. Any other action is a function in
``ACTIONS``, whose changes are committed together with the answer. Either
way the transaction compares the request's revision, so a request is
answered once, whoever dies when.

Paced requests are admitted in the order in which they were made, and
only as many that a given number of them are at work at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.model import Answer, Request, ResourceRef
from esi_worker.model.requests import REAPPLY
from esi_worker.scheduler.jobtable import JobTable

LOG = logging.getLogger(__name__)

#: How many requests are served before fresh changes and the lease have
#: their turn again. So many answers also fit one transaction, beside
#: new jobs and all that is rewritten for those whose place they take.
AT_ONCE = 30


@dataclasses.dataclass(slots=True)
class Pending:
    """A request without an answer, and its key.

    ``admitted`` tells that its turn has come.
    """

    kv: store.KeyValue
    request: Request
    admitted: bool = False

    @property
    def reapplies(self) -> bool:
        return self.request.action == REAPPLY


class RequestBook:
    """All requests, and whose turn it is."""

    def __init__(self, keys: store.KeyLayout, paced: int) -> None:
        """:param paced: how many paced requests are at work at a time"""
        self._prefix = keys.request('')
        self._paced = paced
        self._pending: dict[str, Pending] = {}
        self._by_resource: dict[ResourceRef, list[str]] = {}
        self._running: dict[str, tuple[str, ...]] = {}
        self._unreadable: dict[str, tuple[store.KeyValue, str]] = {}

    # --- what comes in ----------------------------------------------------

    def load(self, items: Iterable[store.KeyValue]) -> None:
        """Take in a listing of all requests."""
        self._pending.clear()
        self._by_resource.clear()
        self._running.clear()
        self._unreadable.clear()
        for kv in sorted(items, key=lambda kv: (kv.create_revision, kv.key)):
            self._put(kv)

    def event(self, event: store.Event) -> None:
        """Take in a change of one request."""
        if event.type is store.EventType.PUT:
            known = self._pending.get(event.kv.key)
            if known and known.kv.mod_revision >= event.kv.mod_revision:
                return
            self._put(event.kv)
        else:
            self.forget(event.kv.key)
            self._running.pop(event.kv.key, None)

    def missed(self, snapshot: store.Snapshot) -> list[store.Event]:
        """The changes that a listing shows and nobody has told of."""
        there = {kv.key for kv in snapshot.items}
        known = self._pending.keys() | self._unreadable.keys()
        return [
            *(
                store.Event(store.EventType.PUT, kv)
                for kv in snapshot.items
                if kv.key not in known and _is_open(kv)
            ),
            *(
                store.Event(
                    store.EventType.DELETE,
                    store.KeyValue(key, '', 0, snapshot.revision, 0),
                )
                for key in known - there
            ),
        ]

    def _put(self, kv: store.KeyValue) -> None:
        self.forget(kv.key)
        try:
            request = Request.decode(kv.key, kv.value)
        except exceptions.DecodeError as error:
            LOG.error('Request cannot be read: %s', error)
            self._unreadable[kv.key] = (kv, error.reason)
            return
        if request.answer is not None:
            self._note_answer(kv.key, request, request.answer)
            return
        self._pending[kv.key] = Pending(kv, request)
        self._by_resource.setdefault(request.resource, []).append(kv.key)

    def _note_answer(self, key: str, request: Request, answer: Answer) -> None:
        if request.paced and answer.jobs:
            self._running[key] = answer.jobs

    def forget(self, key: str) -> None:
        """A request is gone, or answered."""
        self._unreadable.pop(key, None)
        pending = self._pending.pop(key, None)
        if pending is None:
            return
        keys = self._by_resource[pending.request.resource]
        keys.remove(key)
        if not keys:
            del self._by_resource[pending.request.resource]

    # --- whose turn it is -------------------------------------------------

    def __len__(self) -> int:
        return len(self._pending)

    def admit(self, table: JobTable) -> list[Pending]:
        """Hand out the requests whose turn has come, once each.

        :returns: ``AT_ONCE`` at most; the next call has the others
        """
        self._running = {
            key: jobs
            for key, jobs in self._running.items()
            if any(job in table for job in jobs)
        }
        free = self._paced - len(self._running)
        admitted: list[Pending] = []
        for pending in self._pending.values():
            if len(admitted) == AT_ONCE:
                break
            if pending.request.paced:
                free -= 1
                if free < 0:
                    continue
            if not pending.admitted:
                pending.admitted = True
                admitted.append(pending)
        return admitted

    def asked(self, ref: ResourceRef) -> list[Pending]:
        """The requests to reapply a resource that one step can answer.

        :returns: ``AT_ONCE`` at most, those whose turn has come first,
            the oldest of them first
        """
        asked = [
            self._pending[key]
            for key in self._by_resource.get(ref, ())
            if self._pending[key].reapplies
        ]
        asked.sort(key=lambda pending: not pending.admitted)
        return asked[:AT_ONCE]

    # --- answers ----------------------------------------------------------

    def unreadable(self) -> list[tuple[store.KeyValue, str]]:
        """Hand out what cannot be read, with the reasons, once each."""
        found, self._unreadable = list(self._unreadable.values()), {}
        return found

    def answered(self, pending: Pending, answer: Answer) -> None:
        """An answer is written."""
        key = pending.kv.key
        self.forget(key)
        self._note_answer(key, pending.request, answer)
        LOG.info(
            'Request %s to %s %s is %s%s%s',
            key[len(self._prefix) :],
            pending.request.action,
            pending.request.resource,
            answer.outcome.value,
            ': ' if answer.reason else '',
            answer.reason,
        )


def _is_open(kv: store.KeyValue) -> bool:
    try:
        return Request.decode(kv.key, kv.value).answer is None
    except exceptions.DecodeError:
        return True

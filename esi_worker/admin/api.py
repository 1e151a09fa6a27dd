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

"""What the page shows, as JSON; all of it only reads.

========================  ==============================================
``/api/overview``         who leads, how many of what
``/api/resources``        ``search``, ``state``, ``type``, ``page``
``/api/resource``         ``path``: one resource, its jobs, its history
``/api/graph``            ``search``, ``resource``: who waits for whom
``/api/workers``          workers and managers
``/api/errors``           failed and blocked resources, jobs that are
                          stuck or tried again; ``page``
========================  ==============================================

A list is ``{"total", "page", "pages", "items"}`` with at most
``PER_PAGE`` items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import falcon

from esi_worker import exceptions, store, version
from esi_worker import health as healths
from esi_worker.admin import layout, rows
from esi_worker.admin.graph import Graph, Node, build
from esi_worker.admin.inventory import counted
from esi_worker.admin.mirroring import Mirror
from esi_worker.admin.rows import Condition, JobState, ResourceRow
from esi_worker.model import WorkerRecord
from esi_worker.model.codec import Json

PER_PAGE = 50

Answer = dict[str, Json]


class View:
    """One address whose answer is computed by a function."""

    def __init__(self, answer: Callable[[falcon.Request], Answer]) -> None:
        self._answer = answer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._answer(req)


class Api:
    """Answers from the mirror; histories are read when asked for."""

    def __init__(
        self,
        living: healths.Living,
        mirror: Mirror,
        reader: store.Store,
        keys: store.KeyLayout,
    ) -> None:
        self._living = living
        self._mirror = mirror
        self._inventory = mirror.inventory
        self._store = reader
        self._keys = keys

    def add_routes(self, app: Any) -> None:
        for name, answer in (
            ('overview', self.overview),
            ('resources', self.resources),
            ('resource', self.resource),
            ('graph', self.graph),
            ('workers', self.workers),
            ('errors', self.errors),
        ):
            app.add_route(f'/api/{name}', View(answer))

    def overview(self, _req: falcon.Request) -> Answer:
        inventory = self._inventory
        resources = [(row.condition.value,) for row in inventory.resources()]
        jobs = [(job.state.value,) for job in inventory.jobs()]
        health = self._living.health()
        return {
            'version': version.version(),
            'current': self._mirror.current,
            'ready': health.ready,
            'reason': health.reason,
            'leader': inventory.leader,
            'leading': health.leading,
            'workers': len(inventory.workers()),
            'resources': _counts(resources, Condition),
            'jobs': _counts(jobs, JobState),
        }

    def resources(self, req: falcon.Request) -> Answer:
        found = self._inventory.resources()
        types = sorted({self._inventory.type_of(row.path) for row in found})
        search = req.get_param('search', default='').lower()
        state, type_ = req.get_param('state'), req.get_param('type')
        wanted = [
            row
            for row in found
            if search in row.path.lower()
            and state in (None, '', row.condition.value)
            and type_ in (None, '', self._inventory.type_of(row.path))
        ]
        page = _page(req, wanted)
        page['items'] = [self._resource(row) for row in page['items']]
        return {**page, 'types': types}

    def resource(self, req: falcon.Request) -> Answer:
        path = req.get_param('path', required=True)
        row = self._inventory.resource(path)
        if row is None:
            raise falcon.HTTPNotFound(
                title='No such resource',
                description='nothing is known of it (any more)',
            )
        name = self._inventory.name_of(path)
        return {
            'resource': self._resource(row),
            'history': self._history(path),
            'graph': self._drawn(self._whole().about(name)),
        }

    def graph(self, req: falcon.Request) -> Answer:
        whole = self._whole()
        search = req.get_param('search', default='').lower()
        if search:
            wanted = {
                node.id
                for node in whole.nodes
                if search in node.id.lower() or search in node.resource.lower()
            }
            near = {
                end
                for edge in whole.edges
                for end in (edge.source, edge.target)
                if wanted & {edge.source, edge.target}
            }
            whole = whole.only(wanted | near)
        return self._drawn(whole)

    def workers(self, _req: falcon.Request) -> Answer:
        claims: dict[int, int] = {}
        for kv in self._read(self._keys.working('')):
            claims[kv.lease] = claims.get(kv.lease, 0) + 1
        managers = self._read(self._keys.manager(''))
        return {
            'workers': [
                _worker(name, kv, claims.get(kv.lease, 0))
                for name, kv in sorted(self._inventory.workers().items())
            ],
            'managers': [
                _manager(
                    kv.key[len(self._keys.manager('')) :],
                    kv,
                    self._inventory.leader,
                )
                for kv in managers
            ],
        }

    def errors(self, req: falcon.Request) -> Answer:
        bad = (Condition.FAILED, Condition.BLOCKED)
        found: list[Answer] = [
            {
                'kind': row.condition.value,
                'path': row.path,
                'text': row.blocked or row.error or row.stack_reason,
                'since': row.blocked_since,
            }
            for row in self._inventory.resources()
            if row.condition in bad
        ]
        return _page(req, [*found, *self._troubled_jobs()])

    def _troubled_jobs(self) -> Iterator[Answer]:
        """Jobs that are stuck, then those that are tried again."""
        nodes = self._whole().nodes
        for node in nodes:
            if node.stuck:
                yield self._problem('stuck', node, node.stuck)
        retrying = self._inventory.retrying()
        for node in nodes:
            if node.reason and node.id in retrying:
                tried = retrying[node.id]
                yield self._problem('retried', node, tried.reason, tried.since)

    def _problem(
        self, kind: str, node: Node, reason: str, since: str = ''
    ) -> Answer:
        return {
            'kind': kind,
            'path': self._inventory.path_of(node.resource),
            'text': f'{node.id}: {reason}',
            'since': since,
        }

    def _whole(self) -> Graph:
        return build(self._inventory)

    def _drawn(self, found: Graph) -> Answer:
        return layout.drawn(found, self._inventory.path_of)

    def _resource(self, row: ResourceRow) -> Answer:
        return {
            'path': row.path,
            'name': self._inventory.name_of(row.path),
            'state': row.condition.value,
            'desired': row.desired,
            'deleting': row.marked,
            'accepted': row.accepted,
            'published': row.published,
            'worker_state': row.worker_state,
            'error': row.error,
            'stack': row.stack,
            'stack_status': row.stack_status,
            'stack_reason': row.stack_reason,
            'blocked': row.blocked,
            'blocked_since': row.blocked_since,
            'waits_for': [
                {'name': name, 'path': self._inventory.path_of(name)}
                for name in row.waits_for
            ],
            'jobs': row.jobs,
        }

    def _history(self, path: str) -> list[Json]:
        kv = self._one(self._keys.history(path))
        lines = None if kv is None else rows.decoded(kv)
        if not isinstance(lines, list):
            return []
        return [
            {name: line.get(name, '') for name in _LINE}
            for line in lines
            if isinstance(line, dict)
        ]

    def _one(self, key: str) -> store.KeyValue | None:
        try:
            return self._store.get(key)
        except exceptions.StoreError:
            raise _away() from None

    def _read(self, prefix: str) -> Sequence[store.KeyValue]:
        try:
            return self._store.range(prefix).items
        except exceptions.StoreError:
            raise _away() from None


#: What a line of a history holds.
_LINE = ('time', 'job', 'action', 'handler', 'version', 'error')


def _away() -> falcon.HTTPServiceUnavailable:
    return falcon.HTTPServiceUnavailable(
        title='etcd does not answer',
        description='what was shown last may be out of date',
        retry_after=1,
    )


def _counts(found: Sequence[tuple[str]], kind: Any) -> Answer:
    counts = counted(found)
    return {each.value: counts.get((each.value,), 0) for each in kind}


def _page(req: falcon.Request, found: Sequence[Any]) -> Answer:
    pages = max(1, -(-len(found) // PER_PAGE))
    number = req.get_param_as_int('page', min_value=1, default=1)
    number = min(number, pages)
    start = (number - 1) * PER_PAGE
    return {
        'total': len(found),
        'page': number,
        'pages': pages,
        'items': list(found[start : start + PER_PAGE]),
    }


def _worker(name: str, kv: store.KeyValue, jobs: int) -> Answer:
    about = rows.fields(kv)
    shown: Answer = {
        'id': name,
        'jobs': jobs,
        **{each: about.get(each, '') for each in ('host', 'pid', 'version')},
    }
    try:
        record = WorkerRecord.decode(kv.key, kv.value)
    except exceptions.DecodeError:
        return {**shown, 'handlers': [], 'slots': 0, 'free': 0, 'starting': 0}
    return {
        **shown,
        'handlers': list(record.handlers),
        'slots': record.slots,
        'free': record.free,
        'starting': len(record.starting),
    }


def _manager(name: str, kv: store.KeyValue, leader: str) -> Answer:
    about = rows.fields(kv)
    names = ('host', 'pid', 'version', 'since')
    return {
        'id': name,
        'elected': name == leader,
        **{each: about.get(each, '') for each in names},
    }

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

"""Who waits for whom, and why.

The nodes are the unfinished jobs and the blocked resources, an edge leads
from what waits to what it waits for. What nobody can finish is *stuck*:
the reason stands at the node, and at all that wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses

from esi_worker import exceptions, store
from esi_worker.admin import rows
from esi_worker.admin.inventory import Inventory
from esi_worker.model import Retrying, WorkerRecord


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A job, or a resource for which no job can be made.

    ``kind`` is ``job`` or ``resource``; ``stuck`` says why it cannot go
    on by itself, ``reason`` why it is blocked or tried again.
    """

    id: str
    kind: str
    state: str
    resource: str
    label: str
    reason: str = ''
    stuck: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    """``source`` waits for ``target`` because of ``reason``."""

    source: str
    target: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Graph:
    """Everything that waits or is waited for, by id."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def about(self, resource: str) -> Graph:
        """The part that a resource waits for or that waits for it."""
        wanted = {node.id for node in self.nodes if node.resource == resource}
        for forward in (True, False):
            wanted |= self._reached(wanted, forward)
        return self.only(wanted)

    def only(self, ids: set[str]) -> Graph:
        """The part with these nodes."""
        return Graph(
            tuple(node for node in self.nodes if node.id in ids),
            tuple(
                edge
                for edge in self.edges
                if edge.source in ids and edge.target in ids
            ),
        )

    def _reached(self, start: set[str], forward: bool) -> set[str]:
        following: dict[str, list[str]] = {}
        for edge in self.edges:
            ends = (edge.source, edge.target)
            here, there = ends if forward else ends[::-1]
            following.setdefault(here, []).append(there)
        seen: set[str] = set()
        todo = list(start)
        while todo:
            for node in following.get(todo.pop(), ()):
                if node not in seen:
                    seen.add(node)
                    todo.append(node)
        return seen


def build(inventory: Inventory) -> Graph:
    """The graph of a moment."""
    jobs = {job.id: job for job in inventory.jobs()}
    edges = [*_job_edges(jobs)]
    blocked = [row for row in inventory.resources() if row.blocked]
    names = {inventory.name_of(row.path): row for row in blocked}
    edges += _block_edges(names, jobs)
    stuck = _spread(stuck_jobs(inventory), edges)
    retrying = inventory.retrying()
    nodes = [
        _job_node(job, stuck.get(job.id, ''), retrying.get(job.id))
        for job in jobs.values()
    ]
    nodes += [
        Node(name, 'resource', 'blocked', name, name, row.blocked)
        for name, row in names.items()
    ]
    known = {node.id for node in nodes}
    missing = {
        edge.target: Node(
            edge.target, 'resource', 'missing', edge.target, edge.target
        )
        for edge in edges
        if edge.target not in known
    }
    return Graph((*nodes, *missing.values()), tuple(edges))


def _job_node(job: rows.JobRow, stuck: str, retrying: Retrying | None) -> Node:
    label = f'{job.action} {job.resource} v{job.version} ({job.handler})'
    tried = retrying is not None and job.state is rows.JobState.WORKING
    reason = str(retrying) if tried else ''
    return Node(
        job.id, 'job', job.state.value, job.resource, label, reason, stuck
    )


def _job_edges(jobs: Mapping[str, rows.JobRow]) -> Iterator[Edge]:
    for job in jobs.values():
        for name in job.dependency:
            if name in jobs:
                yield Edge(job.id, name, _why(job, jobs[name]))


def _why(job: rows.JobRow, other: rows.JobRow) -> str:
    if job.resource == other.resource:
        if job.version == other.version:
            return 'an earlier step of the same workflow'
        return 'an earlier version of the same resource'
    if other.resource in job.refs:
        return f'it refers to {other.resource}'
    if job.resource in other.refs:
        return f'{other.resource} refers to it'
    return f'it comes after {other.resource}'


def _block_edges(
    names: Mapping[str, rows.ResourceRow], jobs: Mapping[str, rows.JobRow]
) -> Iterator[Edge]:
    by_resource: dict[str, list[str]] = {}
    for job in jobs.values():
        by_resource.setdefault(job.resource, []).append(job.id)
    for name, row in names.items():
        for target in row.waits_for:
            for end in by_resource.get(target, [target]):
                yield Edge(name, end, row.blocked)


def stuck_jobs(inventory: Inventory) -> dict[str, str]:
    """Why jobs cannot go on by themselves, by their ids."""
    jobs = {job.id: job for job in inventory.jobs()}
    offered = _offers(inventory.workers())
    found = {}
    for job in jobs.values():
        reason = _stuck(job, jobs, inventory.leader, offered)
        if reason:
            found[job.id] = reason
    return found


def _stuck(
    job: rows.JobRow,
    jobs: Mapping[str, rows.JobRow],
    leader: str,
    offered: set[str],
) -> str:
    state = job.state
    if job.problem:
        return f'its record {job.problem}'
    if state is rows.JobState.UNKNOWN:
        return 'it stands in no place of the queue'
    if state is rows.JobState.READY and job.handler not in offered:
        return f'no live worker offers the handler {job.handler}'
    if state is rows.JobState.WORKING or state is rows.JobState.READY:
        return ''
    if not leader:
        return 'no manager is elected'
    if state is rows.JobState.WAITING and not any(
        name in jobs for name in job.dependency
    ):
        return 'it waits for nothing and was not made ready'
    return ''


def _offers(workers: Mapping[str, store.KeyValue]) -> set[str]:
    """The handlers that live workers offer; one that is being drained
    offers none."""
    offered: set[str] = set()
    for kv in workers.values():
        try:
            offered |= set(WorkerRecord.decode(kv.key, kv.value).handlers)
        except exceptions.DecodeError:
            continue
    return offered


def _spread(stuck: Mapping[str, str], edges: list[Edge]) -> dict[str, str]:
    """What waits for something stuck is stuck as well."""
    waiting: dict[str, list[str]] = {}
    for edge in edges:
        waiting.setdefault(edge.target, []).append(edge.source)
    found = dict(stuck)
    todo = list(stuck)
    while todo:
        name = todo.pop()
        for each in waiting.get(name, ()):
            if each not in found:
                found[each] = f'it waits for {name}, which is stuck'
                todo.append(each)
    return found


# --- as text ---------------------------------------------------------------

_COLOURS = {
    'waiting': 'lightgrey',
    'ready': 'lightblue',
    'working': 'gold',
    'finished': 'palegreen',
    'blocked': 'salmon',
    'missing': 'white',
}


def as_dot(graph: Graph) -> str:
    """The graph in the language of Graphviz."""
    lines = ['digraph jobs {', '  rankdir=LR;', '  node [style=filled];']
    for node in graph.nodes:
        shape = 'box' if node.kind == 'job' else 'ellipse'
        colour = _COLOURS.get(node.state, 'white')
        text = '\n'.join(
            each
            for each in (node.label, node.state, node.reason, node.stuck)
            if each
        )
        lines.append(
            f'  {_quoted(node.id)} [label={_quoted(text)} shape={shape} '
            f'fillcolor={colour}];'
        )
    for edge in graph.edges:
        lines.append(
            f'  {_quoted(edge.source)} -> {_quoted(edge.target)} '
            f'[label={_quoted(edge.reason)}];'
        )
    return '\n'.join((*lines, '}'))


def _quoted(text: str) -> str:
    escaped = text.replace('\\', '\\\\').replace('"', '\\"')
    return '"' + escaped.replace('\n', '\\n') + '"'


def as_text(graph: Graph) -> str:
    """The graph as a tree: below each node what it waits for."""
    nodes = {node.id: node for node in graph.nodes}
    targets: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        targets.setdefault(edge.source, []).append(edge)
    ends = {edge.target for edge in graph.edges}
    roots = [node.id for node in graph.nodes if node.id not in ends]
    lines: list[str] = []
    seen: set[str] = set()
    for root in [*roots, *nodes]:
        # A cycle has no root.
        if root not in seen:
            _draw(root, nodes, targets, seen, lines)
    return '\n'.join(lines)


def _draw(
    name: str,
    nodes: Mapping[str, Node],
    targets: Mapping[str, list[Edge]],
    seen: set[str],
    lines: list[str],
) -> None:
    """Add a node and what it waits for; each is opened only once."""
    todo = [(name, '', 0)]
    while todo:
        current, why, level = todo.pop()
        again = current in seen
        lines.append(_line(nodes[current], why, level, again))
        if again:
            continue
        seen.add(current)
        following = targets.get(current, [])
        todo += [
            (edge.target, edge.reason, level + 1)
            for edge in reversed(following)
        ]


def _line(node: Node, why: str, level: int, again: bool) -> str:
    lead = f'{"   " * (level - 1)}`- ' if level else ''
    text = f'{lead}{node.label} [{node.state}]'
    if why:
        text += f' because {why}' if node.kind == 'job' else f': {why}'
    if node.reason and (node.kind == 'job' or not why):
        text += f': {node.reason}'
    if node.stuck:
        text += f' STUCK: {node.stuck}'
    return f'{text} (see above)' if again else text

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

"""Places for the nodes of a graph, so that a browser only has to draw.

What waits for nothing stands in the first column, everything else one
column behind the last that it waits for. A large graph is cut to what
needs attention most; the answer tells how much was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esi_worker.admin.graph import Graph, Node
from esi_worker.model.codec import Json

#: More than that nobody can look at.
MOST = 120


def drawn(graph: Graph, path_of: Callable[[str], str]) -> dict[str, Json]:
    """The graph with a column and a row for each node.

    :param path_of: the path of a resource by its name
    """
    shown = graph.only({node.id for node in _important(graph)[:MOST]})
    columns = _columns(shown)
    heights: dict[int, int] = {}
    nodes = []
    for node in shown.nodes:
        column = columns[node.id]
        row = heights.get(column, 0)
        heights[column] = row + 1
        nodes.append(
            {
                'id': node.id,
                'kind': node.kind,
                'state': node.state,
                'label': node.label,
                'path': path_of(node.resource),
                'reason': node.reason,
                'stuck': node.stuck,
                'column': column,
                'row': row,
            }
        )
    return {
        'total': len(graph.nodes),
        'shown': len(nodes),
        'nodes': nodes,
        'edges': [
            {
                'source': edge.source,
                'target': edge.target,
                'reason': edge.reason,
            }
            for edge in shown.edges
        ],
    }


def _important(graph: Graph) -> list[Node]:
    """What is stuck, blocked or tried again first, then what most others
    wait for."""
    waiting: dict[str, int] = {}
    for edge in graph.edges:
        waiting[edge.target] = waiting.get(edge.target, 0) + 1
    return sorted(
        graph.nodes,
        key=lambda node: (
            not node.stuck,
            node.kind == 'job',
            not node.reason,
            -waiting.get(node.id, 0),
        ),
    )


def _columns(graph: Graph) -> Mapping[str, int]:
    """How many steps each node is behind the first; a cycle, which should
    not be, ends where it was entered."""
    targets: dict[str, list[str]] = {}
    for edge in graph.edges:
        targets.setdefault(edge.source, []).append(edge.target)
    found: dict[str, int] = {}
    for node in graph.nodes:
        _measure(node.id, targets, found)
    return found


def _measure(
    start: str, targets: Mapping[str, list[str]], found: dict[str, int]
) -> None:
    todo, entered = [start], set()
    while todo:
        name = todo[-1]
        if name in found:
            todo.pop()
            continue
        ahead = [
            each
            for each in targets.get(name, ())
            if each not in found and each not in entered
        ]
        if ahead and name not in entered:
            entered.add(name)
            todo += ahead
            continue
        entered.add(name)
        found[name] = 1 + max(
            (found.get(each, -1) for each in targets.get(name, ())),
            default=-1,
        )
        todo.pop()

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

"""Starting again with many resources for which nothing is to be done.

Ready means that something new is acted on: a config that was written
right before the start has its state.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
import time

from core import etcd, processes, site
from esi_worker import store

_TIMEOUT = 600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Restart:
    """Memory in MiB, that of the manager; ``extra_jobs`` are those made
    for resources that have not changed."""

    resources: int
    seconds: float
    empty_seconds: float
    memory: float
    empty_memory: float
    extra_jobs: int


def restart(
    run_dir: Path, server: etcd.Etcd, target: store.Store, resources: int
) -> Restart:
    """Measure; leaves nothing in etcd but the templates."""
    empty_seconds, empty_memory, _ = _start(run_dir, server, target, 'first')
    with site.Site(run_dir, server.endpoint, 1):
        names = (f'w{number}' for number in range(resources))
        site.post_widgets(target, names)
        server.wait_for(site.WIDGET_STATES, resources + 1, _TIMEOUT)
        server.wait_for(site.JOBS, 0, _TIMEOUT)
    seconds, memory, states = _start(run_dir, server, target, 'second')
    site.clear(target)
    return Restart(
        resources, seconds, empty_seconds, memory, empty_memory, states - 1
    )


def _start(
    run_dir: Path, server: etcd.Etcd, target: store.Store, name: str
) -> tuple[float, float, int]:
    """Start and wait for a new resource.

    :returns: seconds, the manager's memory, and how many states changed
    """
    ours = site.Site(run_dir, server.endpoint, 1)
    revision = target.range('/nothing/').revision
    site.post_widgets(target, [name])
    begin = time.monotonic()
    ours.launch()
    try:
        _wait_for_state(target, name)
        seconds = time.monotonic() - begin
        server.wait_for(site.JOBS, 0, 60)
        memory = processes.memory_mib(ours.manager_pid)
    finally:
        ours.close()
    states = target.range(site.WIDGET_STATES).items
    changed = sum(kv.mod_revision > revision for kv in states)
    return seconds, memory, changed


def _wait_for_state(target: store.Store, name: str) -> None:
    key = f'{site.WIDGET_STATES}{name}'
    for _ in etcd.until(_TIMEOUT, f'the state of {name}'):
        if target.get(key) is not None:
            return

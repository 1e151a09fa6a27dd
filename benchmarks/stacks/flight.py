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


"""Thousands of stacks in flight in one worker process.

A whole esi-worker with one worker process, an etcd, and a stand-in for
Heat that answers at once. First all stacks are in progress for a while,
which shows what polling costs; then they end one after the other, which
shows how soon that is published.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import dataclasses
import json
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any

from core import etcd, latency, processes, site
import requests

from esi_worker import exceptions, store
from esi_worker.embedded import EtcdServer
from esi_worker.embedded.ours import EsiWorkerProcess

#: The tenants that the stacks belong to, all alike.
TENANTS = 20
#: The defaults of the options, in seconds.
LONGEST_INTERVAL = 5.0
_RAMP = 12.0
_WINDOW = 20.0
#: Stacks that end per second.
_ENDING_PER_S = 33.0
_TIMEOUT = 600.0

_TEMPLATE = """\
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
outputs:
  id: {value: {get_param: name}}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Flight:
    """What it took; rates per second, times in milliseconds.

    ``cpu`` is the share of one core, ``memory_mib`` what the worker
    process has resident.
    """

    stacks: int
    creates_per_s: float
    polls_per_s: float
    looks_per_poll: float
    cpu: float
    memory_mib: float
    seen_to_published: latency.Latency
    ended_to_published: latency.Latency


def fly(folder: Path, count: int) -> Flight:
    """Hold so many stacks in flight, then let them land."""
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(EtcdServer(folder))
        server = stack.enter_context(etcd.Etcd(service.endpoint))
        target = stack.enter_context(
            store.EtcdStore([service.endpoint], timeout=30)
        )
        heat = stack.enter_context(_stand_in())
        _prepare(target)
        worker = stack.enter_context(_worker(folder, server.endpoint, heat))
        published = stack.enter_context(_published(target))
        began = time.monotonic()
        _post(target, count)
        _wait(lambda: heat.asked('create') >= count)
        creates_per_s = count / (time.monotonic() - began)
        time.sleep(_RAMP)
        polls, looks, cpu, memory = _window(worker, heat)
        heat.end(count / _ENDING_PER_S)
        _wait(lambda: len(published) >= count)
        account = heat.account()
    return Flight(
        stacks=count,
        creates_per_s=creates_per_s,
        polls_per_s=polls,
        looks_per_poll=looks,
        cpu=cpu,
        memory_mib=memory,
        seen_to_published=_delays(account['seen'], published),
        ended_to_published=_delays(account['ended'], published),
    )


class _Heat:
    """The stand-in, from outside."""

    def __init__(self, port: int) -> None:
        self.url = f'http://127.0.0.1:{port}'
        self._session = requests.Session()
        self._session.trust_env = False

    def account(self) -> Any:
        return self._session.get(f'{self.url}/account', timeout=60).json()

    def asked(self, what: str) -> int:
        return int(self.account()['requests'].get(what, 0))

    def end(self, seconds: float) -> None:
        self._session.post(f'{self.url}/end?seconds={seconds}', timeout=60)


@contextlib.contextmanager
def _stand_in() -> Iterator[_Heat]:
    process = subprocess.Popen(
        [sys.executable, '-m', 'stacks.standin'],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield _Heat(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _worker(folder: Path, endpoint: str, heat: _Heat) -> Iterator[int]:
    """:returns: the id of the only worker process"""
    mappings = folder / 'template_mappings.json'
    mappings.write_text(json.dumps({'heat_worker': {'widget': 'Cwidget'}}))
    with EsiWorkerProcess(
        folder,
        endpoint,
        heat_endpoint=f'{heat.url}/v1',
        options={
            'resources': {'template_mappings': mappings},
            'worker': {'processes': 1},
        },
    ) as service:
        assert service.pid is not None
        (pid,) = [
            pid
            for pid, title in processes.children(service.pid).items()
            if 'manager' not in title
        ]
        yield pid


@contextlib.contextmanager
def _published(target: store.Store) -> Iterator[dict[str, float]]:
    """When the state of which stack appeared, by the stack's name."""
    times: dict[str, float] = {}
    start = target.range('/nothing/').revision + 1
    watch = target.watch({site.WIDGET_STATES: start})
    thread = threading.Thread(target=_follow, args=(watch, times), daemon=True)
    thread.start()
    try:
        yield times
    finally:
        watch.close()


def _follow(watch: store.Watch, times: dict[str, float]) -> None:
    # It ends when the watch is closed.
    with contextlib.suppress(exceptions.WatchError):
        while True:
            batch = watch.next(_TIMEOUT)
            now = time.monotonic()
            for event in batch.events if batch else ():
                name = event.kv.key.rpartition('/')[2]
                times.setdefault(f'widget_{name}', now)


def _prepare(target: store.Store) -> None:
    site.post(
        target,
        {
            '/config/v2.0/heat_templates/widget': {
                'id': 'widget',
                'handler': 'heat_worker',
                'template_file': _TEMPLATE,
                'parameter_mappings': {'name': 'Pname'},
            }
        },
    )


def _post(target: store.Store, count: int) -> None:
    site.post(
        target,
        {
            f'{site.WIDGETS}w{number}': site.widget(
                f'w{number}', tenant_id=f'tenant-{number % TENANTS}'
            )
            for number in range(count)
        },
    )


def _window(worker: int, heat: _Heat) -> tuple[float, float, float, float]:
    """Polls per second, stacks per poll, processor, memory."""
    before, used = heat.account()['requests'], processes.cpu_seconds(worker)
    began = time.monotonic()
    time.sleep(_WINDOW)
    after = heat.account()['requests']
    seconds = time.monotonic() - began
    cpu = (processes.cpu_seconds(worker) - used) / seconds
    polls = after['list'] - before['list']
    looks = after['listed'] - before['listed']
    memory = processes.resident_mib(worker)
    return polls / seconds, looks / max(polls, 1), cpu, memory


def _delays(
    since: dict[str, float], published: dict[str, float]
) -> latency.Latency:
    return latency.Latency.of(
        [published[name] - moment for name, moment in since.items()]
    )


def _wait(done: Any) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError('the worker does not get on')
        time.sleep(0.5)

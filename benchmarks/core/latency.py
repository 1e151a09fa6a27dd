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

"""How long it takes until a handler starts.

A start is what everybody can see of it: the claim under
``/jobs/working``, which is committed right before. It is taken when it
reaches us over a watch, so the times include the way of the news. Two
are measured: from the request that writes a config to the start of its
job, and from the end of a job to the start of one that waited for it.
Under load a process of its own posts other configs at a steady rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import os
import random
import subprocess
import sys
import time

from core import site
from esi_worker import store

_WORKING = '/jobs/working/'
_FINISHED = '/jobs/finished/'
_TIMEOUT = 60.0
#: A system that falls behind its load is not waited for any longer.
_PATIENCE = 60.0
#: Seconds between two samples, so that they meet no rhythm of ours.
_PAUSES = (0.02, 0.08)
_BATCH = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Latency:
    """Samples in milliseconds, sorted."""

    samples: tuple[float, ...]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        return cls(tuple(sorted(each * 1000 for each in seconds)))

    def quantile(self, share: float) -> float:
        """The smallest sample that so many are not above (0.99: p99)."""
        index = int(share * len(self.samples))
        return self.samples[min(index, len(self.samples) - 1)]


def starts(target: store.Store, count: int, label: str) -> Latency:
    """From a config to the start of its handler."""
    source = random.Random(label)
    seconds = []
    with _watching(target) as news:
        for number in _numbers(count):
            name = f'{label}-s{number}'
            begin = time.monotonic()
            site.post_widgets(target, [name])
            seconds.append(news.seen(_WORKING, name) - begin)
            time.sleep(source.uniform(*_PAUSES))
    return Latency.of(seconds)


def successions(target: store.Store, count: int, label: str) -> Latency:
    """From the end of a job to the start of the one that waited."""
    source = random.Random(label)
    seconds = []
    with _watching(target) as news:
        for number in _numbers(count):
            blocker, name = f'{label}-b{number}', f'{label}-d{number}'
            body = site.widget(blocker, noop={'wait': 1, 'after': 0.05})
            site.post(target, {f'{site.WIDGETS}{blocker}': body})
            waiting = site.gadget(name, blocker)
            site.post(target, {f'{site.GADGETS}{name}': waiting})
            begin = news.seen(_FINISHED, blocker)
            seconds.append(news.seen(_WORKING, name) - begin)
            time.sleep(source.uniform(*_PAUSES))
    return Latency.of(seconds)


def _numbers(count: int) -> Iterator[int]:
    end = time.monotonic() + _PATIENCE
    for number in range(count):
        if time.monotonic() > end:
            return
        yield number


@contextlib.contextmanager
def load(endpoint: str, rate: float) -> Iterator[None]:
    """Post so many configs a second while the context lasts."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'core.latency', endpoint, str(rate)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    try:
        time.sleep(1.0)
        yield
    finally:
        process.kill()
        process.wait()


class _News:
    """When which job was claimed or finished, by the resource's id."""

    def __init__(self, watch: store.Watch) -> None:
        self._watch = watch
        self._times: dict[tuple[str, str], float] = {}

    def seen(self, prefix: str, resource_id: str) -> float:
        """Wait until it has happened; when it was, monotonic."""
        deadline = time.monotonic() + _TIMEOUT
        while (prefix, resource_id) not in self._times:
            batch = self._watch.next(deadline - time.monotonic())
            if batch is None:
                raise TimeoutError(f'no job of {resource_id} in {prefix}')
            self._take(batch, time.monotonic())
        return self._times[prefix, resource_id]

    def _take(self, batch: store.WatchBatch, now: float) -> None:
        for event in batch.events:
            if event.type is store.EventType.PUT:
                resource_id = event.kv.key.split(':')[3]
                self._times.setdefault((batch.prefix, resource_id), now)


@contextlib.contextmanager
def _watching(target: store.Store) -> Iterator[_News]:
    start = target.range('/nothing/').revision + 1
    watch = target.watch({_WORKING: start, _FINISHED: start})
    try:
        yield _News(watch)
    finally:
        watch.close()


def _post_for_ever(endpoint: str, rate: float) -> None:
    with store.EtcdStore([endpoint]) as target:
        number, begin = 0, time.monotonic()
        while True:
            names = [f'load-{number + each}' for each in range(_BATCH)]
            site.post_widgets(target, names)
            number += _BATCH
            due = begin + number / rate
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == '__main__':
    _post_for_ever(sys.argv[1], float(sys.argv[2]))

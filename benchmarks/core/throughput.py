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

"""Jobs a second, ours and the peer's, on the same etcd.

The clock runs from the first post until the last job is gone from etcd.
Both have one process that makes jobs (our manager, the peer's poster)
and as many that take them. Our configs are posted a hundred in a
transaction; the peer's board has no way to post several at once.
"""

from __future__ import annotations

from contextlib import ExitStack
import dataclasses
from pathlib import Path
import time

from core import etcd, peer, site
from esi_worker import store

_TIMEOUT = 1800.0


@dataclasses.dataclass(frozen=True, slots=True)
class Throughput:
    """What a run brought; requests and writes are those of all
    processes, without the posts of ours."""

    jobs: int
    workers: int
    seconds: float
    requests_per_job: float
    writes_per_job: float

    @property
    def jobs_per_s(self) -> float:
        return self.jobs / self.seconds


def ours(
    run_dir: Path,
    server: etcd.Etcd,
    target: store.Store,
    jobs: int,
    workers: int,
) -> Throughput:
    """Our throughput; leaves nothing in etcd but the templates."""
    with site.Site(run_dir, server.endpoint, workers):
        # One job first: everything is loaded and connected.
        site.post_widgets(target, ['warm-up'])
        server.wait_for(site.WIDGET_STATES, 1, 60)
        server.wait_for(site.JOBS, 0, 60)
        before, begin = server.usage(), time.monotonic()
        site.post_widgets(target, (f'w{number}' for number in range(jobs)))
        server.wait_for(site.WIDGET_STATES, jobs + 1, _TIMEOUT)
        server.wait_for(site.JOBS, 0, _TIMEOUT)
        seconds, used = time.monotonic() - begin, server.usage() - before
    site.clear(target)
    posts = -(-jobs // site.POST_SIZE)
    return Throughput(
        jobs,
        workers,
        seconds,
        (used.requests - posts) / jobs,
        (used.writes - posts) / jobs,
    )


def peers(server: etcd.Etcd, jobs: int, workers: int) -> Throughput:
    """The peer's throughput; leaves nothing in etcd but a counter."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(peer.Process('consume', server.endpoint))
            for _ in range(workers)
        ]
        poster = stack.enter_context(
            peer.Process('post', server.endpoint, '--jobs', str(jobs))
        )
        processes.append(poster)
        for each in processes:
            each.wait_ready()
        before, begin = server.usage(), time.monotonic()
        for each in processes:
            each.begin()
        poster.wait()
        server.wait_for(peer.PREFIX, 0, _TIMEOUT)
        seconds, used = time.monotonic() - begin, server.usage() - before
    return Throughput(
        jobs, workers, seconds, used.requests / jobs, used.writes / jobs
    )

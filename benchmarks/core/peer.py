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

"""The peer: the etcd job board of TaskFlow.

Run as a script it is one process of the peer: one that posts jobs, or
one that takes them as a conductor of TaskFlow does, without the flows
and the log book that a conductor adds: look at the jobs of the board in
their order, claim, do nothing, consume. It prints ``ready`` and begins
with the first line of its input.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent import futures
from importlib import metadata
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any, Self
import urllib.parse

PREFIX = '/taskflow/jobs/bench/job'

#: Seconds that a claim outlives its process, the default of esi-worker's
#: ``lease_ttl``; without one a job would stay with a dead process.
TTL = 30
#: Seconds between two complete readings of the board, as a conductor does.
FRESH = 30.0
#: Jobs that a process has in hand at once, as many as the slots of ours.
THREADS = 8
#: Seconds between two looks at a board without anything to take.
IDLE = 0.01


def settings() -> str:
    """What the peer runs with, for people."""
    return (
        f'taskflow {metadata.version("taskflow")} etcd job board, '
        f'ttl={TTL} s, {THREADS} jobs at once in a process, '
        'no flow, no log book'
    )


class Process:
    """One process of the peer."""

    def __init__(self, role: str, endpoint: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), role, endpoint, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != 'ready':
            raise RuntimeError('a process of the peer did not start')

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write('begin\n')
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until it ends by itself."""
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self._process.kill()
        self._process.communicate()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('role', choices=('post', 'consume'))
    parser.add_argument('endpoint')
    parser.add_argument('--jobs', type=int, default=0)
    given = parser.parse_args(arguments)
    board = _board(given.endpoint)
    board.connect()
    print('ready', flush=True)
    sys.stdin.readline()
    if given.role == 'post':
        for number in range(given.jobs):
            board.post(f'job-{number}', details={'name': f'w{number}'})
        board.close()
    else:
        _consume(board)


def _board(endpoint: str) -> Any:
    from taskflow.jobs import backends

    url = urllib.parse.urlsplit(endpoint)
    conf = {
        'board': 'etcd',
        'host': url.hostname,
        'port': url.port,
        'path': 'bench',
        'ttl': TTL,
    }
    return backends.fetch('bench', conf)


def _consume(board: Any) -> None:
    """Take jobs for ever, a few at a time."""
    room = threading.Semaphore(THREADS)
    who = f'bench-{os.getpid()}'

    def finish(job: Any) -> None:
        try:
            board.consume(job, who)
        finally:
            room.release()

    with futures.ThreadPoolExecutor(THREADS) as pool:
        read_at = time.monotonic()
        while True:
            fresh = time.monotonic() - read_at > FRESH
            if fresh:
                read_at = time.monotonic()
            claimed = [
                pool.submit(finish, job)
                for job in board.iterjobs(ensure_fresh=fresh)
                if _claim(board, job, who, room)
            ]
            if not claimed:
                time.sleep(IDLE)


def _claim(board: Any, job: Any, who: str, room: threading.Semaphore) -> bool:
    from taskflow import exceptions

    room.acquire()
    try:
        board.claim(job, who)
    except (exceptions.UnclaimableJob, exceptions.NotFound):
        room.release()
        return False
    return True


if __name__ == '__main__':
    main()

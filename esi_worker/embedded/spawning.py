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

"""Starts child processes that cannot outlive this one.

The kernel ties a child to the *thread* that forked it, not to the process.
So one thread, which lives as long as the interpreter, does all the forking;
a service may then be started from a thread that ends soon after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent import futures
import dataclasses
import os
from pathlib import Path
import queue
import signal
import subprocess
import sys
import threading

from esi_worker.embedded import packages

LAUNCHER = Path(__file__).with_name('launcher.py')


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """The system user a process runs as, when it must not run as root."""

    uid: int
    gid: int


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """All that is needed to start one process."""

    command: Sequence[str]
    cwd: Path
    log: Path
    env: Mapping[str, str]
    death_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when the starting process dies."""
    account: Account | None = None


class _Spawner:
    """The thread that forks; made anew in a forked child of ours."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[
            tuple[Spec, futures.Future[subprocess.Popen[bytes]]]
        ]
        self._requests = queue.SimpleQueue()
        self._owner = os.getpid()
        threading.Thread(
            target=self._serve, name='embedded-spawner', daemon=True
        ).start()

    def serves_this_process(self) -> bool:
        return self._owner == os.getpid()

    def spawn(self, spec: Spec) -> subprocess.Popen[bytes]:
        answer: futures.Future[subprocess.Popen[bytes]] = futures.Future()
        self._requests.put((spec, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            spec, answer = self._requests.get()
            try:
                answer.set_result(_popen(spec))
            except Exception as error:  # noqa: BLE001
                answer.set_exception(error)


_lock = threading.Lock()
_spawner: _Spawner | None = None


def spawn(spec: Spec) -> subprocess.Popen[bytes]:
    """Start the process; its output is appended to the spec's log."""
    global _spawner
    with _lock:
        if _spawner is None or not _spawner.serves_this_process():
            _spawner = _Spawner()
        spawner = _spawner
    return spawner.spawn(spec)


def child_environment(**extra: str) -> dict[str, str]:
    """The environment of a child: byte code is cached, or starts are slow."""
    env = dict(os.environ)
    env.pop('PYTHONDONTWRITEBYTECODE', None)
    env.update(extra)
    return env


def python_module(
    module: str,
    *arguments: str,
    cwd: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
) -> Spec:
    """The spec of a module of ours, run by this interpreter."""
    path = os.pathsep.join(
        filter(
            None, [str(packages.import_root()), os.environ.get('PYTHONPATH')]
        )
    )
    return Spec(
        # -P: the working directory must not shadow any module.
        command=[sys.executable, '-P', '-m', module, *arguments],
        cwd=cwd,
        log=log,
        env=child_environment(PYTHONPATH=path, **(env or {})),
    )


def _popen(spec: Spec) -> subprocess.Popen[bytes]:
    with spec.log.open('ab') as log:
        return subprocess.Popen(
            [
                sys.executable,
                '-I',
                '-S',
                str(LAUNCHER),
                *_options(spec),
                '--',
                *spec.command,
            ],
            cwd=spec.cwd,
            env=dict(spec.env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal must reach us alone: we stop the
            # services, in order.
            start_new_session=True,
        )


def _options(spec: Spec) -> list[str]:
    options = [
        f'--parent={os.getpid()}',
        f'--death-signal={int(spec.death_signal)}',
    ]
    if spec.account is not None:
        options += [f'--uid={spec.account.uid}', f'--gid={spec.account.gid}']
    return options

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

"""The life of one service process: start, readiness, stop, kill, pause.

A subclass says how its process is started and how to see that it answers.
This class promises that a process it started is gone after ``stop``,
``kill``, a failed start or the end of the ``with`` block, and that the port
is kept for a restart until ``close``. The order among several services is
left to :mod:`esi_worker.embedded.services`.
"""

from __future__ import annotations

import abc
import contextlib
import os
from pathlib import Path
import secrets
import signal
import subprocess
import time
import types
from typing import ClassVar, Self

from esi_worker.embedded import errors, ports, spawning

POLL_SECONDS = 0.02
#: Seconds that the threads of a process may take to stop.
_FREEZING = 5.0


class ServiceProcess(abc.ABC):
    """A context manager around one process that serves one TCP port."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    start_timeout: float = 90.0
    """Seconds until the service must answer; generous for busy machines."""
    stop_timeout: float = 10.0
    """Seconds a clean stop may take before the process is killed."""

    def __init__(self, run_dir: Path) -> None:
        self.directory = Path(run_dir).absolute() / self.name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_path = self.directory / f'{self.name}.log'
        self._port = ports.ReservedPort()
        self._process: subprocess.Popen[bytes] | None = None

    @abc.abstractmethod
    def _spec(self) -> spawning.Spec:
        """Write what the process reads, and say how it is started."""

    @abc.abstractmethod
    def _answers(self) -> bool:
        """Ask the service itself; an OSError counts as no."""

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def pid(self) -> int | None:
        """The process id while the process lives."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until the service answers.

        Raises ServiceFailed, with the end of the log, when it does not.
        """
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process without waiting; for starts in parallel."""
        if self.pid is None:
            self._process = spawning.spawn(self._spec())
            self._note('port', self.port)
            self._note('pid', self._process.pid)

    def wait_ready(self) -> None:
        """Wait until the launched service answers."""
        try:
            self._poll_readiness()
        except BaseException:
            self.kill()
            raise

    def check(self) -> None:
        """Make sure that the process still lives.

        :raises ServiceFailed: it has ended, with the end of its log
        """
        if self.pid is None:
            raise self._failed(f'has ended ({self._status()})')

    def stop(self) -> None:
        """Ask the process to end; kill it when it does not in time."""
        if self.pid is None:
            return
        self.resume()
        self._signal(self.stop_signal)
        try:
            self._reap(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process at once (SIGKILL), as a crash would."""
        self._signal(signal.SIGKILL)
        self._reap(None)

    def pause(self) -> None:
        """Freeze the process: connections are accepted, nothing answers."""
        self._signal(signal.SIGSTOP)
        # A busy machine may take a moment, in which it still answers.
        give_up = time.monotonic() + _FREEZING
        while not self._frozen() and time.monotonic() < give_up:
            time.sleep(POLL_SECONDS)

    def _frozen(self) -> bool:
        """Whether all threads have stopped; the state follows the name."""
        tasks = Path(f'/proc/{self.pid}/task').glob('*/stat')
        states = [task.read_text().rpartition(')')[2] for task in tasks]
        return all(state.split()[0] in 'TZ' for state in states)

    def resume(self) -> None:
        """Let a paused process go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop and give the port back."""
        try:
            self.stop()
        finally:
            self._port.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def _poll_readiness(self) -> None:
        deadline = time.monotonic() + self.start_timeout
        while not self._answers_now():
            if self.pid is None:
                raise self._failed(f'ended while starting ({self._status()})')
            if time.monotonic() > deadline:
                raise self._failed(
                    f'did not answer within {self.start_timeout:g} s'
                )
            time.sleep(POLL_SECONDS)

    def _answers_now(self) -> bool:
        """Whether it is *our* process that answers."""
        if self.pid is None:
            return False
        try:
            return self._answers()
        except OSError:
            return False

    def _failed(self, reason: str) -> errors.ServiceFailed:
        return errors.ServiceFailed(self.name, reason, self.log_path)

    def _status(self) -> str:
        if self._process is None:
            return 'never launched'
        return f'exit status {self._process.returncode}'

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _reap(self, timeout: float | None) -> None:
        if self._process is not None:
            self._process.wait(timeout)

    def _kept_secret(self, name: str) -> str:
        """32 random characters, the same at every start in this folder."""
        path = self.directory / name
        if not path.exists():
            self._write_private(path, secrets.token_hex(16))
        return path.read_text(encoding='ascii')

    @staticmethod
    def _write_private(path: Path, text: str) -> None:
        """Write a file that may hold secrets."""
        path.touch(mode=0o600)
        path.write_text(text, encoding='utf-8')

    def _note(self, what: str, value: int) -> None:
        """Keep a number in the run directory, for people and scripts."""
        (self.directory / what).write_text(f'{value}\n', encoding='ascii')

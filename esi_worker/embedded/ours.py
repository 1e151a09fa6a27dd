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

"""Our own services as child processes: esi-worker and esi-collector.

They read a private configuration file in the run directory and log to a
file beside it. ``EsiWorkerProcess`` has children of its own; ``kill`` and
``pause`` hit all of them at once, as the end of a whole host would. What
is in etcd is asked from etcd itself, not through code of ours.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
import contextlib
import os
from pathlib import Path
import signal
import subprocess
from typing import Any

import requests

from esi_worker.embedded import heat_config, ports, processes, spawning

Options = Mapping[str, Mapping[str, object]]
"""Section -> option -> value."""

_ELECTION = '/job_manager_id'
_WORKER_PREFIX = '/esi-worker'


class _OurProcess(processes.ServiceProcess):
    """A console script of ours with its configuration file."""

    module: str
    stop_timeout = 30.0

    def __init__(
        self, run_dir: Path, etcd_endpoint: str, options: Options | None = None
    ) -> None:
        super().__init__(run_dir)
        self.etcd_endpoint = etcd_endpoint
        self.options: Options = options or {}

    @property
    def config_file(self) -> Path:
        return self.directory / f'{self.name}.conf'

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self._signal(number)

    def wait(self, timeout: float) -> int:
        """Wait until the process ends by itself.

        :param timeout: seconds
        :returns: the exit code
        :raises ServiceFailed: it is still there, or was never started
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._reap(timeout)
        if self._process is None or self._process.returncode is None:
            raise self._failed(f'did not end within {timeout:g} s')
        return self._process.returncode

    def log_text(self) -> str:
        """All that was logged so far."""
        return self.log_path.read_text(encoding='utf-8', errors='replace')

    def _base_options(self) -> Options:
        return {'etcd': {'endpoints': self.etcd_endpoint}}

    def _spec(self) -> spawning.Spec:
        merged = heat_config.merged(
            _as_text(self._base_options()), _as_text(self.options)
        )
        self._write_private(self.config_file, heat_config.rendered(merged))
        return spawning.python_module(
            self.module,
            '--config-file',
            str(self.config_file),
            *self._arguments(),
            cwd=self.directory,
            log=self.log_path,
        )

    def _arguments(self) -> list[str]:
        return []


class EsiWorkerProcess(_OurProcess):
    """``esi-worker``; ``start`` returns when it stands by or leads, and
    its worker processes are seen in etcd.

    Those that share an etcd are told apart by the keys and leases that are
    new there, so start them one after the other, each in a run directory
    of its own.
    """

    name = 'esi-worker'
    module = 'esi_worker.cmd.service'

    def __init__(
        self,
        run_dir: Path,
        etcd_endpoint: str,
        heat_endpoint: str | None = None,
        role: str = 'all',
        options: Options | None = None,
    ) -> None:
        """Prepare a service.

        :param heat_endpoint: URL of a Heat without Keystone, to which
            ``/<tenant>`` is appended
        :param role: ``all``, ``manager`` or ``worker``
        :param options: what the configuration file says beyond that
        """
        super().__init__(run_dir, etcd_endpoint, options)
        self._heat_endpoint = heat_endpoint
        self.role = role
        self._etcd = _Etcd(etcd_endpoint)
        self._old_leases: frozenset[str] = frozenset()
        self._old_workers: frozenset[str] = frozenset()

    def launch(self) -> None:
        if self.pid is None:
            # Whoever cannot reach etcd has nothing there.
            with contextlib.suppress(OSError):
                self._old_leases = self._etcd.leases()
                self._old_workers = self._etcd.keys(self._workers_prefix)
        super().launch()

    def kill(self) -> None:
        self._signal_all(signal.SIGKILL)
        super().kill()

    def pause(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def worker_ids(self) -> frozenset[str]:
        """The ids of the workers that appeared since the launch."""
        found = self._etcd.keys(self._workers_prefix) - self._old_workers
        return frozenset(key.rpartition('/')[2] for key in found)

    @property
    def _workers_prefix(self) -> str:
        prefix = self._option('keys', 'worker_prefix', _WORKER_PREFIX)
        return f'{prefix}/workers/'

    def _option(self, section: str, name: str, default: object) -> object:
        return self.options.get(section, {}).get(name, default)

    def _base_options(self) -> Options:
        options = super()._base_options()
        if self._heat_endpoint is None:
            return options
        heat = {
            'auth_type': 'none',
            'endpoint_override': self._heat_endpoint,
        }
        return {**options, 'heat': heat}

    def _arguments(self) -> list[str]:
        return ['--role', self.role]

    def _answers(self) -> bool:
        workers = 0
        if self.role != 'manager':
            workers = int(str(self._option('worker', 'processes', 1)))
        managers = int(self.role != 'worker')
        # A manager that stands by is known by nothing but its lease.
        leases = self._etcd.leases() - self._old_leases
        return (
            len(leases) >= workers + managers
            and len(self.worker_ids()) >= workers
            and (not managers or bool(self._etcd.keys(_ELECTION)))
        )

    def _signal_all(self, number: signal.Signals) -> None:
        """Signal the process group, which the process leads."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)


class CollectorProcess(_OurProcess):
    """``esi-collector``; its port is known before it is started."""

    name = 'esi-collector'
    module = 'esi_worker.cmd.collector'

    @property
    def url(self) -> str:
        return f'http://{ports.LOOPBACK}:{self.port}'

    def _base_options(self) -> Options:
        return {
            **super()._base_options(),
            'collector': {'bind_host': ports.LOOPBACK, 'port': self.port},
        }

    def _answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f'{self.url}/targets', timeout=10).ok


class _Etcd:
    """What the readiness of our services is read from."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def keys(self, prefix: str) -> frozenset[str]:
        """The keys that begin with the prefix."""
        first = prefix.encode()
        last = first[:-1] + bytes([first[-1] + 1])
        answer = self._post(
            'kv/range',
            key=_encoded(first),
            range_end=_encoded(last),
            keys_only=True,
        )
        return frozenset(
            base64.b64decode(entry['key']).decode()
            for entry in answer.get('kvs', [])
        )

    def leases(self) -> frozenset[str]:
        """The ids of the leases that live."""
        answer = self._post('lease/leases')
        return frozenset(entry['ID'] for entry in answer.get('leases', []))

    def _post(self, path: str, **body: object) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f'{self._endpoint}/v3/{path}', json=body, timeout=60
            )
        answer.raise_for_status()
        return answer.json()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _as_text(options: Options) -> heat_config.Options:
    return {
        section: {name: str(value) for name, value in values.items()}
        for section, values in options.items()
    }

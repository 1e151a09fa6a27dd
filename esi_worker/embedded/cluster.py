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

"""A real etcd cluster on the loopback address.

It promises that ``start`` returns when all members have a leader and
answer, and that none is left after ``close``. The members are ordinary
``EtcdServer`` objects: stop, kill, pause and start them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
from pathlib import Path
import time
import types
from typing import Any, Self

import requests

from esi_worker.embedded import errors, processes
from esi_worker.embedded.etcd import EtcdServer

#: Seconds; only a broken cluster has no leader for that long.
_PATIENCE = 90.0


class EtcdCluster:
    """Some members that know each other from the beginning."""

    def __init__(
        self,
        run_dir: Path,
        size: int = 3,
        *,
        binary: str | None = None,
        unsafe_no_fsync: bool = False,
        extra_args: Sequence[str] = (),
    ) -> None:
        self.members = tuple(
            EtcdServer(
                Path(run_dir) / f'member-{number}',
                binary=binary,
                unsafe_no_fsync=unsafe_no_fsync,
            )
            for number in range(1, size + 1)
        )
        names = [member.directory.parent.name for member in self.members]
        cluster = ','.join(
            f'{name}={member.peer_url}'
            for name, member in zip(names, self.members, strict=True)
        )
        for name, member in zip(names, self.members, strict=True):
            member.extra_args = (
                f'--name={name}',
                f'--initial-cluster={cluster}',
                # A busy machine must not cost a leader its office.
                '--election-timeout=1000',
                *extra_args,
            )

    @property
    def endpoints(self) -> str:
        """The URLs of all members, separated by commas."""
        return ','.join(member.endpoint for member in self.members)

    def start(self) -> None:
        """Start all members that do not run; raises ServiceFailed."""
        for member in self.members:
            member.launch()
        for member in self.members:
            member.wait_ready()

    def leader(self) -> EtcdServer:
        """Wait until the members that answer agree on a living leader.

        :raises ServiceFailed: they do not
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = self._agreed()
            if found is not None:
                return found
            time.sleep(processes.POLL_SECONDS)
        raise errors.ServiceFailed(
            'etcd', 'has no leader', self.members[0].log_path
        )

    def close(self) -> None:
        """Stop all members and give their ports back."""
        with contextlib.ExitStack() as stack:
            for member in self.members:
                stack.callback(member.close)

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

    def _agreed(self) -> EtcdServer | None:
        ids: dict[str, EtcdServer] = {}
        named = set()
        for member in self.members:
            with contextlib.suppress(OSError):
                status = _status(member)
                ids[status['header']['member_id']] = member
                named.add(status.get('leader', '0'))
        return ids.get(named.pop()) if len(named) == 1 else None


def _status(member: EtcdServer) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f'{member.endpoint}/v3/maintenance/status', json={}, timeout=1
        )
    answer.raise_for_status()
    return answer.json()

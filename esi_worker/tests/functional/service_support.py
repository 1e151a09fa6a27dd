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

"""What the tests of whole services share: processes, folders, data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
import contextlib
import json
import os
from pathlib import Path
import shutil
import signal
import tempfile
import time
from typing import Any, ClassVar

import testtools
from testtools import content

from esi_worker import embedded
from esi_worker.embedded import ours
from esi_worker.tests.functional.raw_etcd import DEADLINE, RawEtcd

ELECTION = '/job_manager_id'
#: Seconds that a promise of ours may be late on a machine that is busy.
LATE = 15.0

THING = """\
type: thing
plural: things
prefix: /v2.0/things
relations: {needs: thing}
choices: {noop: Cthing}
templates:
  thing:
    handler: noop
    file: thing.txt
    parameters:
      name: Pid
      needs:
        if_mapping: {equal: [{field: needs}, {constant: null}]}
        then_mapping: {constant: null}
        else_mapping: 'Mthing:needs:id'
"""


def config(
    body: Mapping[str, Any], version: int = 1, *, marked: bool = False
) -> str:
    """The envelope that the REST server writes."""
    return json.dumps(
        {
            'body': json.dumps(body),
            'version': version,
            'marked_for_deletion': marked,
        }
    )


def network(id_: str, tenant: str = 'tenant') -> dict[str, Any]:
    return {'id': id_, 'tenant_id': tenant, 'admin_state_up': True}


def subnet(id_: str, of: str, tenant: str = 'tenant') -> dict[str, Any]:
    """:param of: the id of its network"""
    return {
        'id': id_,
        'tenant_id': tenant,
        'network_id': of,
        'cidr': '10.225.225.0/24',
        'gateway_ip': '10.225.225.1',
        'enable_dhcp': True,
        'dhcp_server_address': '10.225.225.2',
        'allocation_pools': [
            {'start': '10.225.225.2', 'end': '10.225.225.254'}
        ],
        'dns_nameservers': [],
        'ntp_servers': [],
        'host_routes': [],
    }


def port(
    id_: str, of: str, subnet_id: str, tenant: str = 'tenant', **more: Any
) -> dict[str, Any]:
    """:param of: the id of its network"""
    return {
        'id': id_,
        'tenant_id': tenant,
        'network_id': of,
        'fixed_ips': [{'subnet_id': subnet_id, 'ip_address': '10.225.225.3'}],
        'mac_address': 'fa:16:3e:84:84:13',
        'allowed_address_pairs': [],
        'security_groups': [],
        'admin_state_up': True,
        'device_owner': '',
        'device_id': '',
        'attached': False,
        **more,
    }


def thing_folder(folder: Path) -> Path:
    """A template folder whose type ``thing`` the handler noop serves."""
    place = folder / 'templates' / 'thing'
    place.mkdir(parents=True)
    (place / 'driver.yaml').write_text(THING)
    (place / 'thing.txt').write_text('a thing\n')
    return place.parent


class ServiceTestCase(testtools.TestCase):
    """An etcd for all tests of a class, and a folder for their files.

    What a class starts in ``setUpClass`` is shared by its tests, which
    use ids of their own.
    """

    folder: ClassVar[Path]
    server: ClassVar[embedded.EtcdServer]
    etcd: ClassVar[RawEtcd]
    #: Whose logs are shown when a test fails.
    processes: ClassVar[list[ours.EsiWorkerProcess]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.folder = Path(tempfile.mkdtemp(prefix='esi-worker-service-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = embedded.EtcdServer(cls.folder, unsafe_no_fsync=True)
        cls.enterClassContext(cls.server)
        cls.etcd = RawEtcd(cls.server.endpoint)
        cls.processes = []

    @classmethod
    def make(
        cls,
        name: str,
        role: str = 'all',
        heat: str | None = None,
        /,
        **options: Mapping[str, object],
    ) -> ours.EsiWorkerProcess:
        """Prepare a service.

        :param name: of its folder
        :param options: by section
        """
        process = ours.EsiWorkerProcess(
            cls.folder / name, cls.server.endpoint, heat, role, options
        )
        cls.processes.append(process)
        return process

    def setUp(self) -> None:
        super().setUp()
        self.history = self.etcd.history()
        self.addCleanup(self.history.close)
        self.addOnException(self._show_logs)

    def start(
        self,
        name: str,
        role: str = 'all',
        /,
        **options: Mapping[str, object],
    ) -> ours.EsiWorkerProcess:
        """Start a service for this test only."""
        process = self.make(name, role, None, **options)
        self.addCleanup(self.processes.remove, process)
        self.addCleanup(process.close)
        process.start()
        return process

    def _show_logs(self, _info: object) -> None:
        for process in self.processes:
            with contextlib.suppress(OSError):
                text = process.log_text()
                self.addDetailUniqueName(
                    f'log of {process.directory.parent.name}',
                    content.text_content(text),
                )


def check_time(
    test: testtools.TestCase, what: str, took: float, promise: float
) -> None:
    """Say how long something took, and fail if that is no matter of load.

    :param took: and ``promise``: seconds
    """
    text = f'{what} took {took:.1f} s of the promised {promise:g} s'
    test.addDetail('report', content.text_content(text))
    test.assertLess(took, promise + LATE, text)


def wait_for(reached: Callable[[], bool], what: str) -> None:
    """Poll for what no key tells."""
    deadline = time.monotonic() + DEADLINE
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f'{what} did not happen')
        time.sleep(0.02)


def children_of(pid: int) -> set[int]:
    """The ids of the child processes."""
    tasks = Path(f'/proc/{pid}/task')
    lists: Iterable[str] = (
        (task / 'children').read_text() for task in tasks.iterdir()
    )
    return {int(number) for text in lists for number in text.split()}


def kill(pid: int) -> None:
    """End a process as a crash would."""
    os.kill(pid, signal.SIGKILL)

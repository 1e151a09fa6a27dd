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

"""The scenario ``load-balancer``: many jobs, and who waits for whom.

A load balancer is made, and then one of its interfaces is moved to
another network. Both times Nova works on a server while the server's
ports change: the jobs of the ports must not wait for that of the server,
and everything else must.
"""

from __future__ import annotations

import contextlib
import sys

from esi_worker import clock as clocks
from esi_worker.demo import load_balancer_configs as configs
from esi_worker.demo import scenario, screen, stage
from esi_worker.demo.board import Board
from esi_worker.demo.configs import Write
from esi_worker.demo.site import DemoFailed, Site

ADMIN_IP = '100.64.10.3'
INTERNET_IP = '100.64.10.4'
SPARE_IPS = ('10.20.0.3', '10.20.0.4')
USER_IP = '10.30.0.3'

#: Which jobs must wait for which others, in words.
EXPECTED = {
    'create configuration v1': {'create server v1'},
    'create load balancer v1': {'create server v1', 'create configuration v1'},
    **{
        f'create interface {name} v1': {
            'create server v1',
            'create load balancer v1',
        }
        for name in ('0/1', '1/1', '1/2')
    },
    'modify configuration v2': {'modify server v2'},
    'modify load balancer v2': {'modify server v2', 'modify configuration v2'},
    'modify interface 1/1 v2': {'modify server v2', 'modify load balancer v2'},
}
JOBS = 32


class LoadBalancerScenario(scenario.Scenario):
    """Plays the REST server and Nova, and shows the queue."""

    summary = (
        'a load balancer, which is made and then changed, and who waits '
        'for whom'
    )

    def run(self) -> None:
        with Site(self._run_dir, 'plugin', self._progress) as site:
            view = screen.Screen(sys.stdout)
            play = stage.Stage(
                site.store,
                view,
                configs.NAMES,
                clocks.SystemClock(),
                site.check,
            )
            with contextlib.closing(play):
                try:
                    _Story(play, site).tell()
                finally:
                    self._show_jobs(view, play.board)
                found = faults(play.board.dependencies())
            if found:
                raise DemoFailed('; '.join(found))
            self._progress(f'{JOBS} jobs are done, in the right order')
            if self._keep:
                site.wait_for_user(self._show)

    def _show_jobs(self, view: screen.Screen, board: Board) -> None:
        """Leave the table behind, whatever happened."""
        view.finish(board)
        text = '\n'.join([*screen.table(board), ''])
        (self._run_dir / 'jobs.txt').write_text(text, encoding='utf-8')


def faults(dependencies: dict[str, set[str]]) -> list[str]:
    """What is not as it must be.

    :param dependencies: for each job, those that it was to wait for
    """
    found = []
    if len(dependencies) != JOBS:
        found.append(f'{len(dependencies)} jobs were made instead of {JOBS}')
    for job, others in EXPECTED.items():
        if dependencies.get(job) != others:
            actual = ', '.join(sorted(dependencies.get(job, ()))) or 'nothing'
            found.append(
                f'"{job}" was to wait for {", ".join(sorted(others))}, not '
                f'for {actual}'
            )
    found += [
        f'"{job}" must not wait for the server'
        for job, others in sorted(dependencies.items())
        if ' port ' in job and any(' server ' in other for other in others)
    ]
    return found


class _Story:
    """What happens, in its order."""

    def __init__(self, play: stage.Stage, site: Site) -> None:
        self._play = play
        self._say = play.screen.say
        self._site = site
        self._script = site.heat.faults

    def tell(self) -> None:
        self._make_networks()
        self._make_load_balancer()
        self._move_interface()
        self._play.await_idle()

    def _make_networks(self) -> None:
        self._say('\n1. Two networks: one to manage, one that leads nowhere.')
        admin = configs.network('admin network')
        spare = configs.network('spare network')
        self._admin = configs.subnet('admin subnet', admin, '100.64.10')
        self._spare = configs.subnet('spare subnet', spare, '10.20.0')
        made = admin, self._admin, spare, self._spare
        self._play.write(*made)
        self._play.await_done(*made)

    def _make_load_balancer(self) -> None:
        self._say('\n2. What can be ordered: an image, a size, a plan.')
        offered = (
            configs.vnf_template(),
            configs.vnf_plan(),
            configs.load_balancer_plan(),
        )
        self._play.write(*offered)
        self._play.await_done(*offered)
        self._say('\n3. A user orders a load balancer: 13 writes at once.')
        ports = self._ports()
        self._server = configs.server(ports, ADMIN_IP)
        parts = self._parts()
        self._hold_server()
        self._play.write(*ports, self._server)
        self._play.write(
            *(configs.vnf_interface(slot, p) for slot, p in enumerate(ports)),
            configs.port(
                'internet port', self._admin, INTERNET_IP, 'network:empty'
            ),
            *parts,
        )
        self._play.await_done(*ports)
        self._play.await_started(self._server)
        self._say(
            '\n   Nova makes the server and takes its ports, one by one. '
            'The jobs of\n   its ports do not wait for it, all others do.'
        )
        self._ports_now = [self._attach(port) for port in ports]
        self._release_server('The server has its ports.')
        self._play.await_done(self._server, *parts)

    def _ports(self) -> list[Write]:
        return [
            configs.port('admin port', self._admin, ADMIN_IP),
            *(
                configs.port(f'spare port {number}', self._spare, address)
                for number, address in enumerate(SPARE_IPS, 1)
            ),
        ]

    def _parts(self) -> tuple[Write, ...]:
        self._configuration = configs.configuration(
            [ADMIN_IP, *SPARE_IPS], INTERNET_IP
        )
        self._load_balancer = configs.load_balancer()
        self._interfaces = [configs.interface(slot) for slot in (0, 1, 2)]
        return self._configuration, self._load_balancer, *self._interfaces

    def _move_interface(self) -> None:
        self._say('\n4. The user makes a network of their own.')
        network = configs.network('user network')
        subnet = configs.subnet('user subnet', network, '10.30.0')
        self._play.write(network, subnet)
        self._play.await_done(network, subnet)
        self._say(
            '\n5. The user moves interface 1/1 to that network: 6 writes at '
            'once.'
        )
        user = configs.port('user port', subnet, USER_IP)
        server, parts = self._changed(user)
        self._hold_server()
        slot = configs.next_version(configs.vnf_interface(1, user))
        self._play.write(user, slot, server, *parts)
        self._play.await_started(server)
        self._replug(user)
        self._release_server('The server has its new port.')
        self._play.await_done(server, *parts)

    def _changed(self, user: Write) -> tuple[Write, tuple[Write, ...]]:
        admin, _, second = self._ports_now
        server = configs.next_version(
            self._server, networks=configs.plugged([admin, user, second])
        )
        return server, (
            configs.next_version(
                self._configuration,
                networks=configs.reached([ADMIN_IP, USER_IP, SPARE_IPS[1]]),
            ),
            configs.next_version(self._load_balancer),
            configs.next_version(self._interfaces[1]),
        )

    def _replug(self, user: Write) -> None:
        """Nova changes the ports from the changed slot on."""
        _, first, second = self._ports_now
        self._say(
            '\n   Nova takes away the port that is no longer named, and those '
            'after it.'
        )
        gone = configs.marked(first)
        self._play.write(gone)
        self._play.await_done(gone)
        self._play.erase(gone)
        second = configs.freed(second)
        self._play.write(second)
        self._play.await_done(second, user)
        self._say('\n   Then it takes the ports that are named now.')
        self._attach(user)
        self._attach(second)

    def _attach(self, port: Write) -> Write:
        """Each version follows the state of the one before."""
        taken = configs.taken(port)
        attached = configs.attached(taken)
        for write in taken, attached:
            self._play.write(write)
            self._play.await_done(write)
        return attached

    def _hold_server(self) -> None:
        name = self._server.body['name']
        self._script.set(name, 'hold', f'id-{configs.SERVER}')

    def _release_server(self, why: str) -> None:
        """Until now Heat has worked on the server, and shows it."""
        name = f'vnf_instance_{self._server.body["id"]}'
        status = self._site.stack_status(configs.TENANT, name)
        self._say(
            f'\n   {why} Heat has said {status} up to now.\n'
            '   Those that wait for the server come to their turn.'
        )
        if not status.endswith('_IN_PROGRESS'):
            raise DemoFailed(f'the stack {name} was not in progress')
        self._script.clear(self._server.body['name'])

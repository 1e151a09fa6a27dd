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

"""Heat, its database and Keystone go away while stacks are being made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
import json
from pathlib import Path
import time
from typing import Any, ClassVar
import uuid

from heatclient import client as heat_client
from keystoneauth1 import session as keystone_session
from testtools import content

from esi_worker.embedded import heat_config, ours
from esi_worker.embedded import identity as identities
from esi_worker.embedded.heat import HeatServer
from esi_worker.embedded.keystone import KeystoneServer
from esi_worker.embedded.postgres import PostgresServer
from esi_worker.tests.faulty import FaultProxy, faults
from esi_worker.tests.functional import service_support as support

#: Seconds within which everything is done, whatever went away.
PATIENCE = 300.0
#: Seconds within which every stack is known to be complete or not: Heat gets
#: a minute for the creation and one for its renewal, each with a margin of a
#: second, and the outage and a busy machine take some time too.
DEFINITE = 2 * 61.0 + 60.0
UNAUTHORIZED = 401
#: So many characters of the logs of others are shown.
_TAIL = 1_000_000
#: Heat gets one minute for a stack; then it has forgotten it.
DRIVER = """\
type: thing
plural: things
prefix: /v2.0/things
choices: {heat_worker: Cthing}
templates:
  thing:
    handler: heat_worker
    file: thing.yaml
    parameters: {value: Pvalue, wait: Pwait, heat_timeout: C1}
"""
TEMPLATE = """\
heat_template_version: 2015-10-15
parameters:
  value: {type: string}
  wait: {type: number}
resources:
  thing:
    type: OS::Heat::TestResource
    properties:
      value: {get_param: value}
      action_wait_secs: {create: {get_param: wait}}
outputs:
  value: {value: {get_attr: [thing, output]}}
"""


class HastyKeystone(KeystoneServer):
    """Its tokens last 45 seconds; clients renew them 30 s before."""

    def _options(self) -> heat_config.Options:
        hasty = {'token': {'expiration': '45'}}
        return heat_config.merged(super()._options(), hasty)


class BackendTestCase(support.ServiceTestCase):
    """PostgreSQL, Keystone and Heat of the class's own, to be broken."""

    keystone_class: ClassVar[type[KeystoneServer]] = KeystoneServer
    postgres: ClassVar[PostgresServer]
    keystone: ClassVar[KeystoneServer]
    heat: ClassVar[HeatServer]
    proxy: ClassVar[FaultProxy]
    tenant: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        place = cls.folder / 'backends'
        cls.postgres = cls.enterClassContext(PostgresServer(place))
        cls.keystone = cls.enterClassContext(
            cls.keystone_class(place, cls.postgres)
        )
        cls.heat = cls.enterClassContext(
            HeatServer(place, cls.postgres, keystone=cls.keystone)
        )
        identity = cls.keystone.identity()
        cls.tenant = identity.project('tenant')
        identity.user(
            'esi-worker',
            'a-password',
            project='tenant',
            roles=('admin', 'member', 'heat_stack_user'),
        )
        cls.proxy = cls.enterClassContext(FaultProxy(cls.heat.endpoint))
        cls.enterClassContext(cls.service())

    @classmethod
    def service(cls) -> ours.EsiWorkerProcess:
        return cls.make(
            'service',
            heat={
                'auth_type': 'password',
                'auth_url': cls.keystone.auth_url,
                'username': 'esi-worker',
                'password': 'a-password',
                'user_domain_id': identities.DOMAIN,
                'endpoint_override': f'{cls.proxy.endpoint}/%(project_id)s',
                'timeout': 10,
                'timeout_margin': 1,
                'poll_interval': 0.2,
                'poll_interval_max': 1,
            },
            resources={'template_paths': _templates(cls.folder)},
        )

    def _show_logs(self, _info: object) -> None:
        super()._show_logs(_info)
        for server in (self.heat, self.keystone):
            text = server.log_path.read_text(errors='replace')
            self.addDetailUniqueName(
                f'log of {server.name}', content.text_content(text[-_TAIL:])
            )

    def session(self) -> keystone_session.Session:
        return self.keystone.session('esi-worker', 'a-password', 'tenant')

    def write(self, ids: list[str], version: int = 1, wait: int = 0) -> None:
        for id_ in ids:
            body = {
                'id': id_,
                'tenant_id': self.tenant,
                'value': f'version {version}',
                'wait': wait,
            }
            self.etcd.put(
                f'/config/v2.0/things/{id_}', support.config(body, version)
            )

    def await_states(
        self, ids: list[str], version: int = 1, within: float = PATIENCE
    ) -> dict[str, Mapping[str, Any]]:
        """:param within: seconds"""
        deadline = time.monotonic() + within
        found: dict[str, Mapping[str, Any]] = {}
        while len(found) < len(ids):
            if time.monotonic() > deadline:
                raise AssertionError(f'only {len(found)} are at {version}')
            time.sleep(0.5)
            found = {
                id_: state
                for id_ in ids
                if (state := self.state(id_)) and state['version'] == version
            }
        return found

    def state(self, id_: str) -> Mapping[str, Any]:
        text = self.etcd.get(f'/state/v2.0/things/{id_}')
        return dict(json.loads(text or '{}'))

    def check_done(self, ids: list[str], version: int = 1) -> None:
        """All are what they shall be, each with one stack."""
        states = self.await_states(ids, version)
        self.assertEqual({''}, {state['error'] for state in states.values()})
        found = {
            stack.stack_name: self.value_of(stack)
            for stack in self.stacks()
            if stack.stack_status in ('CREATE_COMPLETE', 'UPDATE_COMPLETE')
        }
        wanted = {f'thing_{id_}': f'version {version}' for id_ in ids}
        self.assertEqual(wanted, {name: found.get(name) for name in wanted})

    def check_made_once(self, ids: list[str]) -> None:
        """Nothing was ever deleted, or made a second time."""
        made = Counter(stack.stack_name for stack in self.stacks())
        self.assertEqual([1] * len(ids), [made[f'thing_{i}'] for i in ids])

    def client(self) -> Any:
        return heat_client.Client(
            '1',
            session=self.session(),
            endpoint_override=f'{self.heat.endpoint}/{self.tenant}',
        ).stacks

    def stacks(self) -> list[Any]:
        return list(self.client().list(show_deleted=True))

    def value_of(self, stack: Any) -> Any:
        identity = f'{stack.stack_name}/{stack.id}'
        return self.client().environment(identity)['parameters']['value']

    def await_in_progress(self, ids: list[str]) -> None:
        names = {f'thing_{id_}' for id_ in ids}

        def begun() -> bool:
            return names <= {
                stack.stack_name
                for stack in self.stacks()
                if stack.stack_status == 'CREATE_IN_PROGRESS'
            }

        support.wait_for(begun, 'the creation of all stacks')


class OutageTest(BackendTestCase):
    def test_keystone_is_away_for_ten_seconds(self) -> None:
        before, after = _ids(8), _ids(8)
        self.write(before, wait=6)
        self.await_in_progress(before)
        self.keystone.stop()
        self.write(after)
        self.away(10)
        self.keystone.start()
        ids = [*before, *after]
        self.check_done(ids)
        self.check_made_once(ids)

    def test_keystone_that_was_just_started_is_asked_for_much(self) -> None:
        """Its threads refuse trusts while one of them loads its policy."""
        first, ids = _ids(1), _ids(4)
        # From now on Heat knows the token, so trusts are asked for first.
        self.write(first)
        self.check_done(first)
        self.keystone.stop()
        self.keystone.start()
        together = faults.HoldRequests(len(ids))
        self.proxy.inject(together, 'POST', times=len(ids))
        self.write(ids)
        self.check_done(ids)
        self.check_made_once(ids)

    def test_heat_is_killed_while_it_creates(self) -> None:
        ids = _ids(5)
        self.write(ids, wait=20)
        self.await_in_progress(ids)
        self.heat.kill()
        self.heat.start()
        self.check_done(ids)
        self.check_made_once(ids)

    def test_the_database_of_heat_is_stopped_for_five_seconds(self) -> None:
        ids = _ids(10)
        self.write(ids, wait=4)
        self.await_in_progress(ids[:3])
        self.postgres.stop()
        self.away(5)
        self.postgres.start()
        # A thread of Heat that could not reach its database has ended with
        # its resource locked, which Heat's own time limit ends in vain.
        self.check_definite(ids)
        # An engine that was restarted takes the locks over.
        self.heat.stop()
        self.heat.start()
        self.write(ids, 2)
        self.check_done(ids, 2)

    def check_definite(self, ids: list[str]) -> None:
        """Each is complete, or says in time what has become of it."""
        states = self.await_states(ids, within=DEFINITE)
        statuses = {
            stack.stack_name: stack.stack_status for stack in self.stacks()
        }
        told = []
        for id_, state in states.items():
            error, status = state['error'], statuses[f'thing_{id_}']
            told.append(f'{status}: {error}')
            if error:
                self.assertRegex(error, r'^Stack(Failed|Timeout): \S')
            else:
                self.assertRegex(status, r'^(CREATE|UPDATE)_COMPLETE$')
        self.addDetail('report', content.text_content('\n'.join(told)))

    def away(self, seconds: float) -> None:
        """How long something is away is what these tests are about."""
        time.sleep(seconds)


class TokenTest(BackendTestCase):
    keystone_class = HastyKeystone

    def test_work_goes_on_longer_than_a_token_lasts(self) -> None:
        ids = _ids(2)
        self.write(ids, wait=50)
        self.check_done(ids)
        self.check_made_once(ids)
        used = {
            entry.request.headers['X-Auth-Token']
            for entry in self.proxy.account
        }
        self.assertGreater(len(used), 2)
        statuses = {
            status for entry in self.proxy.account for status in entry.statuses
        }
        self.assertNotIn(UNAUTHORIZED, statuses)


def _ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def _templates(folder: Path) -> Path:
    place = folder / 'templates' / 'thing'
    place.mkdir(parents=True)
    (place / 'driver.yaml').write_text(DRIVER)
    (place / 'thing.yaml').write_text(TEMPLATE)
    return place.parent

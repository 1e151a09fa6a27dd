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

"""The service user in the tenants of others, with real Keystone and Heat."""

from __future__ import annotations

from typing import Any, ClassVar
import uuid

from heatclient import client as heat_client
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from esi_worker.embedded import fixtures, ours
from esi_worker.embedded import identity as identities
from esi_worker.tests.faulty import FaultProxy, faults
from esi_worker.tests.functional import service_support as support

#: What the service user needs in a tenant.
ROLES = ('admin', 'member', 'heat_stack_user')
UNAUTHORIZED = 401
TOKEN = 'X-Auth-Token'


class IdentityTest(support.ServiceTestCase):
    """One service that logs in, and tenants of each test."""

    fixture: ClassVar[fixtures.HeatWithKeystoneFixture]
    identity: ClassVar[identities.Identity]
    proxy: ClassVar[FaultProxy]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.fixture = fixtures.HeatWithKeystoneFixture()
        cls.fixture.setUp()
        cls.addClassCleanup(cls.fixture.cleanUp)
        cls.identity = cls.fixture.keystone.server.identity()
        endpoint = cls.fixture.server.endpoint
        cls.proxy = cls.enterClassContext(FaultProxy(endpoint))
        cls.enterClassContext(cls.service())

    @classmethod
    def service(cls) -> ours.EsiWorkerProcess:
        keystone = cls.fixture.keystone
        return cls.make(
            'service',
            heat={
                'auth_type': 'password',
                'auth_url': keystone.auth_url,
                'username': keystone.username,
                'password': keystone.password,
                'user_domain_id': identities.DOMAIN,
                'endpoint_override': f'{cls.proxy.endpoint}/%(project_id)s',
                'poll_interval': 0.1,
                'poll_interval_max': 0.5,
            },
        )

    def tenant(self, *roles: str) -> str:
        """A tenant in which the service user has these roles."""
        tenant = self.identity.project(fixtures.unique('tenant'))
        for role in roles:
            self.grant(tenant, role)
        return tenant

    def grant(self, tenant: str, role: str) -> None:
        user = self.fixture.keystone.user_id
        self.identity.grant(user, tenant, self.identity.role(role))

    def write(self, tenant: str) -> str:
        """Ask for a network; gives its id."""
        net = str(uuid.uuid4())
        self.etcd.put(
            f'/config/v2.0/networks/{net}',
            support.config(support.network(net, tenant)),
        )
        return net

    def await_state(self, net: str) -> dict[str, Any]:
        return dict(self.history.state(f'networks/{net}', 1).json)

    def stacks_of(self, tenant: str) -> list[str]:
        """The stacks that a user of the tenant sees."""
        name = fixtures.unique('user')
        user = self.identity.user(
            name, 'a-password', project=fixtures.unique('home')
        )
        self.identity.grant(user, tenant, self.identity.role('member'))
        login = v3.Password(
            auth_url=self.fixture.keystone.auth_url,
            username=name,
            password='a-password',
            user_domain_id=identities.DOMAIN,
            project_id=tenant,
        )
        stacks = heat_client.Client('1', session=Session(auth=login)).stacks
        return [stack.stack_name for stack in stacks.list()]

    def test_each_tenant_owns_its_stacks_alone(self) -> None:
        one, other = self.tenant(*ROLES), self.tenant(*ROLES)
        nets = {tenant: self.write(tenant) for tenant in (one, other)}
        for net in nets.values():
            self.assertEqual('', self.await_state(net)['error'])
        for tenant, net in nets.items():
            self.assertEqual([f'network_{net}'], self.stacks_of(tenant))

    def test_tenant_without_rights_waits_and_keeps_nobody_waiting(
        self,
    ) -> None:
        foreign = self.tenant()
        waiting = self.write(foreign)
        self.history.put('/jobs/working/', lambda event: waiting in event.key)
        done = self.write(self.tenant(*ROLES))
        self.assertEqual('', self.await_state(done)['error'])
        self.assertIsNone(self.etcd.get(f'/state/v2.0/networks/{waiting}'))

        for role in ROLES:
            self.grant(foreign, role)

        self.assertEqual('', self.await_state(waiting)['error'])

    def test_tenant_where_only_reading_is_allowed_fails(self) -> None:
        state = self.await_state(self.write(self.tenant('reader')))
        self.assertIn('HeatRefused: HTTP 403: You are', state['error'])
        self.assertEqual('CREATE_FAILED', state['state']['worker_state'])

    def test_token_that_is_no_longer_accepted_is_replaced(self) -> None:
        tenant = self.tenant(*ROLES)
        self.await_state(self.write(tenant))
        before = self.proxy.requests(path=tenant)
        spoiled = faults.ReplaceHeader(TOKEN, 'a-token-that-has-expired')
        self.proxy.inject(spoiled, 'POST', tenant)

        net = self.write(tenant)

        self.assertEqual('', self.await_state(net)['error'])
        asked = self.proxy.account[-1]
        (refused,) = (
            entry
            for entry in self.proxy.account
            if UNAUTHORIZED in entry.statuses
        )
        self.assertEqual('POST', refused.request.method)
        self.assertNotEqual(
            before[-1].headers[TOKEN], asked.request.headers[TOKEN]
        )

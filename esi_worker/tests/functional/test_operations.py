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

"""What operators do about resources, with real services."""

from __future__ import annotations

from collections.abc import Mapping
import io
import json
import logging
from typing import Any, ClassVar
import uuid

from heatclient import client as heat_client

from esi_worker.cli import app
from esi_worker.embedded import fixtures, ours
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.unit.documents import blocks, shown


class OperationsTestCase(support.ServiceTestCase):
    """One service with a Heat, and networks of this test."""

    heat: ClassVar[fixtures.HeatFixture]
    service: ClassVar[ours.EsiWorkerProcess]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)
        cls.service = cls.make(
            'service',
            'all',
            cls.heat.server.endpoint,
            heat=cls.options(),
        )
        cls.enterClassContext(cls.service)

    @classmethod
    def options(cls) -> Mapping[str, object]:
        """The group ``[heat]`` of the service."""
        return {'poll_interval': 0.1, 'poll_interval_max': 0.5}

    def setUp(self) -> None:
        super().setUp()
        root = logging.getLogger()
        self.addCleanup(root.setLevel, root.level)
        self.addCleanup(setattr, root, 'handlers', list(root.handlers))
        self.net = str(uuid.uuid4())
        self.path = f'v2.0/networks/{self.net}'
        self.stacks = heat_client.Client(
            '1', session=self.heat.session()
        ).stacks

    def write(self, version: int = 1, **more: Any) -> None:
        body = {**support.network(self.net, self.heat.tenant), **more}
        self.etcd.put(f'/config/{self.path}', support.config(body, version))

    def await_state(self, version: int) -> dict[str, Any]:
        state = self.history.state(f'networks/{self.net}', version).json
        self.assertEqual('', state['error'])
        return dict(state)

    def stack(self) -> Any:
        return self.stacks.get(f'network_{self.net}')

    def change_by_hand(self) -> None:
        """As ``openstack stack update --existing`` does; tags stay."""
        stack = self.stack()
        self.stacks.update(
            f'{stack.stack_name}/{stack.id}',
            existing=True,
            parameters={'admin_state_up': False},
        )
        support.wait_for(
            lambda: self.stack().stack_status == 'UPDATE_COMPLETE',
            'the change by hand',
        )

    def parameter(self, name: str) -> Any:
        stack = self.stack()
        identity = f'{stack.stack_name}/{stack.id}'
        return self.stacks.environment(identity)['parameters'][name]

    def manage(self, *arguments: str, code: int = 0) -> Any:
        """Run a command; gives its output, decoded if it is JSON."""
        out, errors = io.StringIO(), io.StringIO()
        program = app.ManageApp(stdout=out, stderr=errors)
        found = program.run(
            ['--config-file', str(self.service.config_file), *arguments]
        )
        self.assertEqual(code, found, errors.getvalue())
        text = out.getvalue()
        return json.loads(text) if text[:1] in ('[', '{') else text


class PreviewTest(OperationsTestCase):
    def preview(self) -> list[dict[str, str]]:
        rows = self.manage(
            'resource', 'preview', 'network', self.net, '-f', 'json'
        )
        return list(rows)

    @blocks.uses('actions.rst', '$ esi-worker-manage resource preview')
    def test_property_diff_of_what_was_not_applied_yet(
        self, shown_text: str
    ) -> None:
        self.write()
        self.await_state(1)
        before = self.stack().to_dict()

        self.assertEqual([], self.preview())
        # The manager must not see it before it was previewed.
        self.service.pause()
        self.addCleanup(self.service.resume)
        self.write(2, admin_state_up=False)
        (row,) = self.preview()

        self.assertEqual(
            {
                'Handler': 'heat_worker',
                'Part': 'network',
                'Type': 'OS::Contrail::VirtualNetwork',
                'Change': 'update',
                'Property': 'admin_state_up',
                'Before': 'true',
                'After': 'false',
            },
            row,
        )
        titles, cells = shown.rows(shown_text)
        self.assertEqual(titles, list(row))
        for cell, value in zip(cells, row.values(), strict=True):
            self.assertIsNone(shown.differs(cell, value))
        self.assertEqual(before, self.stack().to_dict())


class OrphansTest(OperationsTestCase):
    def test_stack_whose_config_is_unknown_is_listed(self) -> None:
        self.write()
        self.await_state(1)
        lost = str(uuid.uuid4())
        made = self.stacks.create(
            stack_name=f'network_{lost}',
            template='heat_template_version: 2015-10-15\n',
            tags='esi-worker,network',
        )

        rows = self.manage('stack', 'orphans', '-f', 'json')

        (row,) = (each for each in rows if each['Tenant'] == self.heat.tenant)
        self.assertEqual(
            (f'network_{lost}', made['stack']['id'], f'network:{lost}', False),
            (
                row['Stack'],
                row['Stack id'],
                row['Resource'],
                row['Remembered'],
            ),
        )


class ReconcileTest(OperationsTestCase):
    def reconcile(self, *more: str) -> str:
        text = self.manage(
            *('resource', 'reconcile', 'network', self.net, '--yes', *more)
        )
        return str(text).strip()

    def await_end_of(self, job: str) -> None:
        self.history.deleted(f'/jobs/all/{job}')

    def test_stack_that_somebody_deleted_comes_back(self) -> None:
        self.write()
        self.await_state(1)
        gone = self.stack()
        self.stacks.delete(f'{gone.stack_name}/{gone.id}')
        support.wait_for(self.is_gone, 'the deletion')

        self.await_end_of(self.reconcile())

        self.assertEqual('CREATE_COMPLETE', self.stack().stack_status)
        self.assertNotEqual(gone.id, self.stack().id)

    def is_gone(self) -> bool:
        name = f'network_{self.net}'
        return not list(self.stacks.list(filters={'name': name}))

    def test_force_puts_right_what_somebody_changed(self) -> None:
        self.write()
        self.await_state(1)
        self.change_by_hand()
        self.assertIs(False, self.parameter('admin_state_up'))

        self.await_end_of(self.reconcile('--force'))

        self.assertIs(True, self.parameter('admin_state_up'))
        self.assertEqual('UPDATE_COMPLETE', self.stack().stack_status)

    def test_what_cannot_be_done_is_told(self) -> None:
        self.manage(
            *('resource', 'reconcile', 'network', self.net, '--yes'), code=1
        )


class PauseTest(OperationsTestCase):
    def act(self, action: str, *more: str, code: int = 0) -> None:
        self.manage(
            *('resource', action, 'network', self.net, '--yes', *more),
            code=code,
        )

    def test_paused_resource_goes_on_when_it_is_resumed(self) -> None:
        self.write()
        self.await_state(1)
        self.act('pause', '--reason', 'moving racks')
        self.write(2, admin_state_up=False)
        self.history.put(f'/esi-worker/blocked/{self.path}')
        shown = self.manage(
            'resource', 'show', 'network', self.net, '-f', 'json'
        )
        self.assertIn('moving racks', shown['Blocked'])
        self.assertEqual('CREATE_COMPLETE', self.stack().stack_status)

        self.act('resume')

        self.await_state(2)
        self.assertEqual('UPDATE_COMPLETE', self.stack().stack_status)

    def test_forgotten_resource_keeps_its_stack(self) -> None:
        self.write()
        self.await_state(1)
        self.act('forget', code=1)
        self.act('pause')
        self.etcd.delete(f'/config/{self.path}')

        self.act('forget')

        self.assertEqual('CREATE_COMPLETE', self.stack().stack_status)
        left = [key for key in self.etcd.keys('/') if self.net in key]
        self.assertEqual(
            [], [key for key in left if '/esi-worker/requests/' not in key]
        )
        rows = self.manage(
            *('stack', 'orphans', '--tenant', self.heat.tenant, '-f', 'json')
        )
        self.assertIn(f'network_{self.net}', [row['Stack'] for row in rows])

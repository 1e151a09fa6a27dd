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

"""From a job's parameters to a stack request."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.handlers import resolving
from esi_worker.handlers.heat import backend, preparing
from esi_worker.model import (
    Failed,
    InProgress,
    Job,
    Param,
    ParamType,
    ResourceRef,
)
from esi_worker.tests.unit.handlers.heat import scene

PORT = ResourceRef('port', 'p1')


class PrepareTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene()

    def request(self, *params: Param) -> backend.StackRequest:
        outcome = self.scene.handler.start(scene.job(params=params))
        self.assertIsInstance(outcome, InProgress)
        request = self.scene.stacks.request_of(scene.TENANT, scene.NAME)
        assert request is not None
        return request

    def error(self, job: Job) -> str:
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, Failed), outcome
        self.assertEqual({}, dict(self.scene.stacks.requests))
        self.assertEqual(
            'CREATE_ERROR', outcome.results['orchestration_state']
        )
        return outcome.error

    def publish_port(self, *outputs: dict[str, Any]) -> None:
        self.scene.publish(
            'v2.0/ports/p1',
            {
                'id': 'port:p1',
                'tenant_id': scene.TENANT,
                'stack_id': 'port_p1',
                'stack_status': 'CREATE_COMPLETE',
                'status_reason': '',
                'output': list(outputs),
            },
        )


class SplitTest(PrepareTestCase):
    def test_parameters_are_split_by_their_names(self) -> None:
        request = self.request(
            scene.value('name', None),
            scene.value('version', 7),
            scene.value('routes', [{'to': 'x'}]),
            scene.value('jinja_owner', 'me'),
            scene.value('heat_timeout', 13),
        )
        self.assertEqual(
            {'name': None, 'version': 7, 'routes': [{'to': 'x'}]},
            request.parameters,
        )
        self.assertIn('description: for me\n', request.template)
        self.assertEqual(13, request.timeout_mins)

    def test_timeout_may_be_text_or_absent(self) -> None:
        request = self.request(scene.value('heat_timeout', '60'))
        self.assertEqual(60, request.timeout_mins)
        self.scene = scene.Scene()
        self.assertEqual(10, self.request().timeout_mins)

    def test_wrong_timeout_fails_the_job(self) -> None:
        wrongs: list[Any] = ['soon', 0, -1, True, 1.5, [], '1.5']
        for wrong in wrongs:
            job = scene.job(params=[scene.value('heat_timeout', wrong)])
            self.assertIn('"heat_timeout" must be', self.error(job))

    def test_stack_is_tagged(self) -> None:
        request = self.request(scene.value('name', 'blue'))
        owner, type_, digest = request.tags
        self.assertEqual(('esi-worker', 'network'), (owner, type_))
        self.assertLessEqual(len(digest), 80)

    def test_digest_depends_on_template_and_parameters_only(self) -> None:
        first = self.request(
            scene.value('name', 'blue'), scene.value('heat_timeout', 3)
        )
        self.scene = scene.Scene()
        same = self.request(
            scene.value('heat_timeout', 9), scene.value('name', 'blue')
        )
        self.scene = scene.Scene()
        other = self.request(
            scene.value('name', 'blue'), scene.value('jinja_owner', 'me')
        )
        self.assertEqual(first.tags, same.tags)
        self.assertNotEqual(first.tags, other.tags)

    def test_version_counts_where_the_stack_uses_it(self) -> None:
        """Monitoring depends on it: targets carry the version."""

        context = self.scene.context
        resolver = resolving.Resolver(
            context.store, context.keys, context.catalog.types
        )
        preparer = preparing.Preparer(context, resolver)

        def digest(version: int, *params: Param) -> str:
            job = scene.job(params=params, version=version)
            return preparer.prepare(job).request.tags[-1]

        name = scene.value('name', 'blue')
        self.assertEqual(digest(1, name), digest(2, name))
        for used in ('version', 'jinja_owner'):
            self.assertNotEqual(
                digest(1, name, scene.value(used, 1)),
                digest(2, name, scene.value(used, 2)),
            )

    def test_request_keeps_secrets_out_of_its_text(self) -> None:
        request = self.request(scene.value('password', 'hunter2'))
        self.assertNotIn('hunter2', repr(request))


class ResolveTest(PrepareTestCase):
    def test_outputs_come_from_the_stack_record(self) -> None:
        self.publish_port({'output_key': 'id', 'output_value': 'uuid-1'})
        request = self.request(
            scene.output('port_id', PORT, 'id'),
            Param(
                'port_ids',
                ParamType.LIST,
                (
                    scene.output('port_ids', PORT, 'id'),
                    scene.value('port_ids', 2),
                ),
            ),
        )
        self.assertEqual(
            {'port_id': 'uuid-1', 'port_ids': ['uuid-1', 2]},
            request.parameters,
        )

    def test_output_may_be_null(self) -> None:
        self.publish_port({'output_key': 'id', 'output_value': None})
        request = self.request(scene.output('port_id', PORT, 'id'))
        self.assertEqual({'port_id': None}, request.parameters)

    def test_missing_record_fails_the_job(self) -> None:
        job = scene.job(params=[scene.output('port_id', PORT, 'id')])
        self.assertIn('Output id of port:p1 not found', self.error(job))

    def test_missing_output_fails_the_job(self) -> None:
        self.publish_port({'output_key': 'name', 'output_value': 'x'})
        job = scene.job(params=[scene.output('port_id', PORT, 'id')])
        self.assertIn('Output id of port:p1 not found', self.error(job))

    def test_unknown_type_fails_the_job(self) -> None:
        ref = ResourceRef('cloud', 'c1')
        job = scene.job(params=[scene.output('cloud_id', ref, 'id')])
        self.assertIn('Output id of cloud:c1 not found', self.error(job))

    def test_output_that_heat_could_not_read_fails_the_job(self) -> None:
        self.publish_port(
            {'output_key': 'id', 'output_value': None, 'output_error': 'no'}
        )
        job = scene.job(params=[scene.output('port_id', PORT, 'id')])
        self.assertIn('Output id of port:p1 not found', self.error(job))

    def test_broken_record_fails_the_job_and_is_named(self) -> None:
        self.scene.publish('v2.0/ports/p1', {'id': 'port:p1'})
        job = scene.job(params=[scene.output('port_id', PORT, 'id')])
        self.assertIn('/esi-worker/heat_stacks/v2.0/ports/p1', self.error(job))

    def test_reference_that_is_no_object_fails_the_job(self) -> None:
        param = Param('port_id', ParamType.OUTPUT_KEY, 'id')
        self.assertIn('"port_id"', self.error(scene.job(params=[param])))


class JobTest(PrepareTestCase):
    def test_resource_without_a_tenant_fails_the_job(self) -> None:
        for tenant in (None, '', 5):
            job = scene.job(tenant_id=tenant)
            self.assertIn('"tenant_id" of network:n1', self.error(job))

    def test_type_without_a_template_fails_the_job(self) -> None:
        job = scene.job(ref=ResourceRef('router', 'r1'))
        self.assertIn('no template is chosen for router:r1', self.error(job))

    def test_template_that_does_not_render_fails_the_job(self) -> None:
        self.scene = scene.Scene('{{ jinja_owner.name.first }}')
        job = scene.job(params=[scene.value('jinja_owner', 'me')])
        self.assertIn('template', self.error(job))

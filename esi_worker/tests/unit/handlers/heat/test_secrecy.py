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


"""Hidden parameters and named fields are secrets of a job."""

from __future__ import annotations

import testtools

from esi_worker import masking
from esi_worker.handlers.heat import secrecy
from esi_worker.model import Action, Failed
from esi_worker.tests.unit.handlers.heat import scene

HIDING = """\
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
  phrase: {type: json, hidden: true}
  other: {type: string, hidden: 'False'}
"""
PARAMS = (
    scene.value('name', 'blue'),
    scene.value('phrase', {'open': ['sesame!']}),
    scene.value('other', 'plain-text'),
)


class SecrecyTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        conf = scene.configuration()
        masking.fields(conf)
        conf.set_override('secret_fields', ['Pin'])
        self.secrecy = secrecy.Secrecy(conf)

    def test_values_of_hidden_parameters_are_secrets(self) -> None:
        found = self.secrecy.of(scene.job(params=PARAMS), template=HIDING)
        self.assertEqual({'sesame!'}, found)

    def test_named_fields_of_the_resource_are_secrets(self) -> None:
        job = scene.job(nested={'pin': 'a-b-c'}, password='hunter2')
        self.assertEqual({'a-b-c', 'hunter2'}, self.secrecy.of(job))

    def test_template_that_is_none_hides_nothing(self) -> None:
        for text in ('hidden: [', 'hidden', 'parameters: {hidden: true}'):
            self.assertEqual([], list(secrecy.hidden_in(text)))


class OutcomeTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene(HIDING)

    def test_heats_reason_does_not_quote_hidden_parameters(self) -> None:
        self.scene.stacks.refusal = 'HTTP 400: sesame! is no phrase'
        outcome = self.scene.handler.start(scene.job(params=PARAMS))
        assert isinstance(outcome, Failed)
        self.assertEqual(
            'HeatRefused: HTTP 400: *** is no phrase', outcome.error
        )

    def test_failed_deletion_does_not_either(self) -> None:
        self.scene.run(scene.job(params=PARAMS))
        job = scene.job(Action.DELETE, params=PARAMS, version=2)
        outcome = self.scene.handler.start(job)
        while not isinstance(outcome, Failed):
            self.scene.stacks.end(
                scene.TENANT, scene.NAME, 'DELETE_FAILED', 'sesame! is shut'
            )
            outcome = self.scene.poll(job)
        self.assertEqual('StackFailed: *** is shut', outcome.error)
        assert outcome.stack is not None
        self.assertEqual('*** is shut', outcome.stack.status_reason)

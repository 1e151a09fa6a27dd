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

from __future__ import annotations

import json
import pathlib
from typing import Any

import fixtures
import testtools

from esi_worker.collector import authentication
from esi_worker.handlers.monitoring.client import (
    CollectorClient,
    CollectorRefused,
    CollectorUnavailable,
)
from esi_worker.tests.unit.collector import support as collector_support
from esi_worker.tests.unit.collector.test_contrail import Analytics
from esi_worker.tests.unit.handlers.monitoring import support


class ProtectedTest(testtools.TestCase):
    """A collector that asks for a token."""

    def client(self, **values: Any) -> CollectorClient:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        file = folder / 'tokens'
        file.write_text('open-sesame\n')
        setting = collector_support.Setting(auth='token', token_file=str(file))
        server = support.AppServer()
        self.addCleanup(server.close)
        application = setting.collector.application(server.url)
        server.serve(
            authentication.protected(
                application,
                setting.context.conf,
                authentication.Tokens(str(file)),
            )
        )
        return CollectorClient(
            support.configuration(collector_url=server.url, **values)
        )

    def test_the_token_of_the_options_is_shown(self) -> None:
        client = self.client(token='open-sesame')

        target_id = client.register(collector_support.body(), 10.0)

        self.assertIsNone(client.status(target_id, 10.0))
        self.assertEqual(1, len(client.targets('ports', 'p1', 10.0)))
        client.delete(target_id, 10.0)
        self.assertEqual([], client.targets('ports', 'p1', 10.0))

    def test_without_the_right_token_it_waits(self) -> None:
        for values in ({}, {'token': 'sesame'}):
            error = self.assertRaises(
                CollectorUnavailable,
                self.client(**values).register,
                collector_support.body(),
                10.0,
            )
            self.assertIn('token', str(error))
            self.assertNotIn('sesame', str(error))


class ClientTest(testtools.TestCase):
    """What is no collector, or one that is in trouble."""

    def setUp(self) -> None:
        super().setUp()
        # Any HTTP server that answers what it is told.
        self.server = Analytics()
        self.addCleanup(self.server.close)
        self.client = self.make()

    def make(self, **values: Any) -> CollectorClient:
        return CollectorClient(
            support.configuration(collector_url=self.server.url, **values)
        )

    def answer(self, status: int, value: Any) -> None:
        self.server.status = status
        self.server.body = json.dumps(value).encode()

    def test_a_refusal_is_passed_on(self) -> None:
        for status in (400, 409, 413):
            self.answer(status, {'title': 'x', 'description': 'the fix'})
            error = self.assertRaises(
                CollectorRefused, self.client.targets, 'ports', 'p1', 10.0
            )
            self.assertIn('the fix', str(error))

    def test_a_refusal_without_a_text_is_one_too(self) -> None:
        values: list[Any] = [[], 'no', {}, None]
        for value in values:
            self.answer(400, value)
            self.assertRaises(
                CollectorRefused, self.client.targets, 'ports', 'p1', 10.0
            )

    def test_who_is_not_trusted_waits_and_is_told_the_option(self) -> None:
        for status in (401, 403):
            self.answer(status, {})
            error = self.assertRaises(
                CollectorUnavailable, self.client.targets, 'ports', 'p1', 10.0
            )
            self.assertIn('auth_type', str(error))

    def test_trouble_is_waited_for(self) -> None:
        for status in (429, 500, 502, 503):
            self.answer(status, {})
            self.assertRaises(
                CollectorUnavailable, self.client.status, 't', 10.0
            )

    def test_a_target_that_is_gone_has_to_be_registered_again(self) -> None:
        self.answer(404, {})
        self.assertRaises(CollectorUnavailable, self.client.status, 't', 10.0)

    def test_what_is_no_collector_is_named(self) -> None:
        values: list[Any] = [[], {}, {'targets': [1]}, {'values': 'x'}]
        for value in values:
            self.answer(200, value)
            for call in (
                lambda: self.client.targets('ports', 'p1', 10.0),
                lambda: self.client.status('t', 10.0),
            ):
                error = self.assertRaises(CollectorUnavailable, call)
                self.assertIn('no collector', str(error))
        self.server.body = b'<html>'
        self.assertRaises(CollectorUnavailable, self.client.status, 't', 10.0)

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

"""A handler plugin that misbehaves costs its own job, and no other."""

from __future__ import annotations

from esi_worker.tests.functional import fault_support as faults

#: What the published error of each kind of misbehaviour says.
ERRORS = {
    'raise': 'a bug of the handler',
    'hang': 'did not return from start',
    'nonsense': 'dict',
    'poll-raise': 'a bug of the handler',
    'poll-hang': 'did not return from poll',
    'poll-nonsense': 'str',
}
GOOD = 20
ATTEMPTS = 2


class HandlerFaultTest(faults.FaultTestCase):
    def write_good(self) -> list[str]:
        return [
            self.write(f'good-{each}', polls=each % 4) for each in range(GOOD)
        ]

    def test_bugs_and_calls_without_an_end(self) -> None:
        server = self.start_etcd()
        service = self.start(
            server.endpoint, worker={'call_timeout': 4, 'slots': 4}
        )

        for fault in ERRORS:
            self.write(fault, fault=fault, polls=1)
        good = self.write_good()
        self.await_all([*ERRORS, *good])

        self.assert_done_once(good)
        for fault, words in ERRORS.items():
            self.assertIn(words, self.state(fault)['error'])
            self.assertEqual(1, self.starts()[fault])
        self.assertIsNotNone(service.pid)

    def test_a_job_that_kills_every_worker_is_given_up(self) -> None:
        self.options = faults.SHORT_CLAIMS
        server = self.start_etcd()
        self.start(server.endpoint, manager={'max_attempts': ATTEMPTS})

        self.write('killer', fault='kill')
        good = self.write_good()
        self.await_all(['killer', *good])

        state = self.state('killer')
        self.assertTrue(state['error'].startswith('JobGivenUp'), state)
        self.assertEqual('CREATE_FAILED', state['state']['worker_state'])
        self.assertEqual(ATTEMPTS, self.starts()['killer'])
        self.assert_done_once(good)

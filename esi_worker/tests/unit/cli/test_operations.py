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

"""What the commands say that a manager carries out."""

from __future__ import annotations

from esi_worker.tests.unit.cli import support

COMMANDS = ('reconcile', 'pause', 'resume', 'forget')


class OperationsTest(support.CommandTest):
    def test_each_asks_before_anything_is_done(self) -> None:
        for command in COMMANDS:
            code = self.run_command('resource', command, 'port', 'p')
            self.assertEqual(1, code)
            self.assertIn('Nothing was changed', self.stderr.getvalue())
        self.assertEqual([], self.keys_of_requests())

    def test_without_a_manager_it_is_told_and_nothing_is_left(self) -> None:
        for command in COMMANDS:
            code = self.run_command(
                *('resource', command, 'port:p', '--yes', '--timeout', '0')
            )
            self.assertEqual(1, code)
            self.assertIn('no manager has answered', self.stderr.getvalue())
        self.assertEqual([], self.keys_of_requests())

    def test_an_unknown_type_is_told(self) -> None:
        code = self.run_command('resource', 'pause', 'ghost', 'g', '--yes')
        self.assertEqual(1, code)
        self.assertIn('"ghost" is no known resource', self.stderr.getvalue())

    def test_help_tells_that_a_rest_server_ignores_the_state(self) -> None:
        self.run_command('help', 'resource', 'reconcile')
        text = ' '.join(self.stdout.getvalue().split())
        self.assertIn(
            'ignores a second state of the same version until the next update',
            text,
        )

    def keys_of_requests(self) -> list[str]:
        prefix = self.keys.request('')
        return [kv.key for kv in self.store.range(prefix).items]

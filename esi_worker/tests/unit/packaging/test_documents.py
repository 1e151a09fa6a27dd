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

"""The documents name all that there is."""

from __future__ import annotations

import importlib
import pkgutil
import re

from esi_worker import exceptions, handlers
from esi_worker.tests.unit.packaging import checkout

DOCUMENTS = checkout.ROOT / 'doc' / 'source'
#: Errors that may end a job have these classes; others, and why not.
_NEVER_PUBLISHED = {
    'ClaimLost': 'nobody listens any more',
    'FenceLost': 'nobody listens any more',
    'LeaseLost': 'nobody listens any more',
    'ConfigurationError': 'the worker does not start',
    'PluginError': 'the worker does not start',
    'MappingError': 'of managers; the resource is blocked',
    'InvalidResource': 'of managers; the resource is blocked',
    'MissingReference': 'of managers; the resource is blocked',
    'NoPreview': 'of commands',
    'TooManyOperations': 'a result has a fixed number of them',
    'DuplicateKey': 'a result changes no key twice',
    'StackError': 'only its subclasses are raised',
    'StackNotFound': 'the stack is looked at again, or made',
}


def terminal_errors() -> set[str]:
    """The names of all classes that a handler of ours may publish."""
    for module in pkgutil.walk_packages(
        handlers.__path__, 'esi_worker.handlers.'
    ):
        importlib.import_module(module.name)
    found, left = set(), [exceptions.TerminalError]
    while left:
        for each in left.pop().__subclasses__():
            left.append(each)
            if each.__module__.startswith(
                ('esi_worker.handlers.', 'esi_worker.exceptions')
            ):
                found.add(each.__name__)
    return found


class FailuresTest(checkout.CheckoutTest):
    def test_every_error_of_a_job_is_in_the_handbook(self) -> None:
        page = (DOCUMENTS / 'failures.rst').read_text()
        failed = page.partition('\nFailed\n')[2].partition('\nBlocked\n')[0]
        rows = set(re.findall(r'``([A-Z]\w+)``', failed))
        known = terminal_errors()

        self.assertIn('CollectorRefused', known)
        self.assertEqual(set(), known - rows - _NEVER_PUBLISHED.keys())
        self.assertEqual(set(), _NEVER_PUBLISHED.keys() - known)
        self.assertEqual(set(), _NEVER_PUBLISHED.keys() & rows)
        self.assertIn('any other class', failed)

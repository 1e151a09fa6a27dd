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

"""What the documents show can be used as it stands."""

from __future__ import annotations

import contextlib
import importlib
import io
from pathlib import Path
import pkgutil
import re
import shlex

from oslo_config import cfg

from esi_worker import exceptions, handlers, templates
from esi_worker.cli import app, documents
from esi_worker.tests.unit.packaging import checkout

DOCUMENTS = checkout.ROOT / 'doc' / 'source'
#: A command on a line of its own, behind a prompt or not.
_LINE = re.compile(r'^\s+(?:\$ )?esi-worker-manage (.*)$', re.MULTILINE)
#: One in a text, with an argument.
_INLINE = re.compile(
    r'``(?:esi-worker-manage )?'
    r'((?:config|job|manager|resource|snapshot|template|worker) '
    r'[a-z]+ [^`]+)``'
)
_PLACEHOLDER = re.compile(r'[<>\[\]{}|]|\.\.\.')

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


class ExamplesTest(checkout.CheckoutTest):
    def test_examples_are_desired_states(self) -> None:
        conf = cfg.ConfigOpts()
        conf([])
        catalog = templates.load_catalog(conf)
        files = sorted(
            str(path) for path in (DOCUMENTS / 'examples').glob('*.yaml')
        )
        self.assertTrue(files)
        for file in files:
            self.assertTrue(documents.read([file], catalog.types))

    def test_commands_that_are_shown_exist_with_their_arguments(self) -> None:
        seen = 0
        for page in sorted(DOCUMENTS.rglob('*.rst')):
            text = page.read_text()
            for line in (*_LINE.findall(text), *_INLINE.findall(text)):
                if _PLACEHOLDER.search(line):
                    continue
                seen += 1
                self.check(page, line)
        self.assertGreater(seen, 5)

    def check(self, page: Path, line: str) -> None:
        """Let the parser of the command look at its arguments."""
        program = app.ManageApp(stdout=io.StringIO(), stderr=io.StringIO())
        words = shlex.split(line.replace('\\', ''), comments=True)
        try:
            options, rest = program.parser.parse_known_args(words)
            del options
            factory, name, arguments = program.command_manager.find_command(
                rest
            )
            command = factory(program, None)
            with contextlib.redirect_stderr(io.StringIO()) as problem:
                command.get_parser(name).parse_args(arguments)
        except SystemExit:
            self.fail(f'{page.name}: {line}: {problem.getvalue()}')
        except ValueError as error:
            self.fail(f'{page.name}: {line}: {error}')

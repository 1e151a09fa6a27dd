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
import io
from pathlib import Path
import re
import shlex

from oslo_config import cfg

from esi_worker import templates
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

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

"""The commands that are shown exist, take their arguments, and work."""

from __future__ import annotations

import contextlib
import io
import re
import shlex

from esi_worker.cli import app
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout

MANAGE = 'esi-worker-manage'
#: Of a user and of root.
PROMPTS = ('$ ', '# ')


class CommandsTest(checkout.CheckoutTest):
    @blocks.every('console')
    def test_commands_exist_with_their_arguments(
        self, shown: list[blocks.Block]
    ) -> None:
        self.assertGreater(len(shown), 5)
        for block in shown:
            for line in typed(block.text):
                if block.page in blocks.whole and MANAGE not in line:
                    continue
                self.check(f'{block.page}:{block.line}: {line}', line)

    @blocks.every('console')
    def test_output_is_compared_where_it_is_shown(
        self, shown: list[blocks.Block]
    ) -> None:
        for block in shown:
            if block.page not in blocks.whole:
                lines = block.text.splitlines()
                output = [line for line in lines if line[:2] not in PROMPTS]
                self.assertEqual([], output, str(block))

    def test_a_wrong_command_is_found(self) -> None:
        for line in (
            'esi-worker-manage job lists',
            'esi-worker-manage job list --nonsense',
            'esi-worker-status upgrade',
            'make nothing',
            'systemctl start esi-nothing.service',
            'rm -r /',
        ):
            self.assertRaises(AssertionError, self.check, 'x', line)

    def check(self, where: str, line: str) -> None:
        for pattern, checked in _CHECKS:
            found = re.fullmatch(pattern, line)
            if found:
                problem = checked(*found.groups())
                self.assertIsNone(problem, where)
                return
        self.fail(f'{where}: nothing is known of this command')


def typed(text: str) -> list[str]:
    """What a reader types of a console block; a comment is left out."""
    joined = text.replace('\\\n', '')
    return [
        line[2:].partition('  #')[0].strip()
        for line in joined.splitlines()
        if line[:2] in PROMPTS
    ]


def problem_of(arguments: str) -> str | None:
    """Why a line behind ``esi-worker-manage`` cannot be used, if so."""
    program = app.ManageApp(stdout=io.StringIO(), stderr=io.StringIO())
    with contextlib.redirect_stderr(io.StringIO()) as problem:
        try:
            _, rest = program.parser.parse_known_args(shlex.split(arguments))
            factory, name, left = program.command_manager.find_command(rest)
            factory(program, None).get_parser(name).parse_args(left)
        except SystemExit:
            return problem.getvalue()
        except ValueError as error:
            return str(error)
    return None


def _a_target(name: str) -> str | None:
    """A target of the Makefile."""
    made = (checkout.ROOT / 'Makefile').read_text()
    known = re.findall(r'^([a-z -]+):', made, re.MULTILINE)
    return None if name in ' '.join(known).split() else 'no such target'


def _a_unit(name: str) -> str | None:
    file = checkout.ROOT / 'etc' / 'systemd' / name
    return None if file.is_file() else 'no such unit'


def _a_script(name: str) -> str | None:
    return None if (checkout.ROOT / name).is_file() else 'no such script'


def _extras(names: str) -> str | None:
    known = checkout.setup_cfg()['extras']
    missing = [name for name in names.split(',') if name not in known]
    return f'no such extras: {missing}' if missing else None


def _folders(names: str) -> str | None:
    missing = [
        name
        for name in names.split()
        if not (checkout.ROOT / name / 'pyproject.toml').is_file()
    ]
    return f'no such packages: {missing}' if missing else None


def _run_elsewhere() -> None:
    """Others say whether it works: who, stands beside the command."""


#: How a command line is checked, by its form.
_CHECKS = (
    (r'(?:\w+=\$\()?esi-worker-manage ([^|]*)(?: \| .*\))?', problem_of),
    (r'make ([a-z-]+)(?: [A-Z]+=\S+)?', _a_target),
    (r'systemctl (?:enable --now|edit|start) (\S+)', _a_unit),
    (r'PYTHON=\S+ (tools/\S+) dist', _a_script),
    (r'\S*pip install .*esi.worker.*\[([a-z,]+)\]\S*', _extras),
    (r'pip install ((?:\./examples/[a-z-]+ ?)+)', _folders),
    # The functional test of the wheel and the one of the quick start do these.
    (r'python3 -m venv \S+', _run_elsewhere),
    (r'\S+/bin/pip install esi_worker-\*\.whl', _run_elsewhere),
    (r'(?:\S+/bin/)?esi-worker(?: --version)?', _run_elsewhere),
    # The slow test of the package does this one.
    (r'dpkg -i dist/esi-worker_\*\.deb', _run_elsewhere),
    # The unit tests of cmd and of the reports do these.
    (r'esi-worker-status upgrade check', _run_elsewhere),
    (r'kill -USR2 \$\(pgrep --oldest esi-worker\)', _run_elsewhere),
)

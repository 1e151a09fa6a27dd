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

"""What the text of the pages names is there: options, commands, files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
import io
import pkgutil
import re

from docutils import nodes
from oslo_config import cfg
from oslo_log import log as logging

from esi_worker import opts, plugins
from esi_worker.admin import reports
from esi_worker.cli import app
from esi_worker.cmd import service
from esi_worker.tests.unit.documents import blocks, test_commands
from esi_worker.tests.unit.packaging import checkout

#: Groups of other programs' configuration.
_FOREIGN_GROUPS = {
    'collector_agents': 'of Heat',
    'keystone_authtoken': 'of keystonemiddleware',
}
#: Dotted names that are no modules.
_CHANNELS = {'esi_worker.audit'}
_FOLDERS = r'(?:benchmarks|doc|esi_worker|etc|examples|templates|tools)/'


def literals(form: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The literals of all pages that match, with where they stand."""
    for page in blocks.pages():
        for node in blocks.tree(page).findall(nodes.literal):
            text = ' '.join(node.astext().split())
            found = re.fullmatch(form, text)
            if found:
                yield f'{page}: {text}', found


def options() -> dict[str, set[str]]:
    """The names of all options that a configuration may have, by group."""
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    reports.register(conf)
    for group, declared in opts.list_opts():
        # By its name, for objects of groups are shared.
        name = str(getattr(group, 'name', group))
        conf.register_opts(declared, None if name == 'DEFAULT' else name)
    groups = {name: set(conf[name]) for name in conf._groups}
    return groups | {'DEFAULT': set(conf)}


def flags() -> set[str]:
    """The options of our command lines."""
    program = app.ManageApp(stdout=io.StringIO(), stderr=io.StringIO())
    found = set(program.parser._option_string_actions)
    for point in metadata.entry_points(group=app.NAMESPACE):
        parser = point.load()(program, None).get_parser(point.name)
        found |= set(parser._option_string_actions)
    found |= {f'--{option.name}' for option in service.CLI_OPTS}
    # Of "esi-worker-status upgrade check", and of the benchmarks.
    found.add('--json')
    for file in (checkout.ROOT / 'benchmarks').rglob('*.py'):
        found |= set(re.findall(r"'(--[a-z-]+)'", file.read_text()))
    return found


class NamesTest(checkout.CheckoutTest):
    def test_options(self) -> None:
        known = options()
        seen = 0
        for where, found in literals(r'\[(\w+)\] (\w+)(?: = .*)?'):
            seen += 1
            self.assertIn(found[2], known.get(found[1], ()), where)
        self.assertGreater(seen, 30)

    def test_groups(self) -> None:
        known = options().keys() | _FOREIGN_GROUPS.keys()
        for where, found in literals(r'\[(\w+)\]'):
            # The tutorial makes this one.
            if found[1] != 'ledger':
                self.assertIn(found[1], known, where)

    def test_commands_with_their_arguments(self) -> None:
        points = metadata.entry_points(group=app.NAMESPACE)
        first = '|'.join({point.name.partition('_')[0] for point in points})
        seen = 0
        for where, found in literals(
            rf'(?:esi-worker-manage )?((?:{first}) [a-z]+)((?: .*)?)'
        ):
            seen += 1
            # Brackets stand around what may be left out or filled in.
            further = re.sub(r'[][<>]', '', found[2])
            if further:
                problem = test_commands.problem_of(found[1] + further)
                self.assertIsNone(problem, where)
            else:
                # It is only named.
                self.assertIn(found[1].replace(' ', '_'), points.names, where)
        self.assertGreater(seen, 20)

    def test_options_of_commands(self) -> None:
        known = flags()
        for where, found in literals(r'--[a-z].*'):
            named = set(re.findall(r'--[a-z-]+', found[0]))
            self.assertEqual(set(), named - known, where)

    def test_files(self) -> None:
        for where, found in literals(_FOLDERS + r'[\w./-]*'):
            self.assertTrue((checkout.ROOT / found[0]).exists(), where)

    def test_modules_and_entry_points(self) -> None:
        groups = {*map(str, vars(plugins).values()), app.NAMESPACE}
        for where, found in literals(r'esi_worker(?:\.\w+)+'):
            if found[0] not in groups | _CHANNELS:
                self.assertIsNotNone(pkgutil.resolve_name(found[0]), where)

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

"""The files around the code, for the tests that look at them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
import configparser
import logging
from pathlib import Path

import fixtures
from packaging.requirements import Requirement
import testtools

ROOT = Path(__file__).absolute().parents[4]
PACKAGE = ROOT / 'esi_worker'


class CheckoutTest(testtools.TestCase):
    """Skipped where only the package is installed."""

    def setUp(self) -> None:
        super().setUp()
        if not (ROOT / 'setup.cfg').is_file():
            self.skipTest('this is no checkout: there is no setup.cfg')


class KeptLoggers(fixtures.Fixture):
    """The loggers of the sample as they are, whatever is configured."""

    def _setUp(self) -> None:
        for name in ('', 'esi_worker', 'esi_worker.audit'):
            logger = logging.getLogger(name)
            # The list itself is changed when a handler is taken away.
            self.addCleanup(setattr, logger, 'handlers', [*logger.handlers])
            for kept in ('level', 'propagate'):
                self.addCleanup(setattr, logger, kept, getattr(logger, kept))


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    return config


def requirements(*names: str) -> dict[str, Requirement]:
    """The requirements in files, by normal name."""
    return _by_name(
        line for name in names for line in (ROOT / name).open(encoding='utf-8')
    )


def extras(*names: str) -> dict[str, Requirement]:
    """The requirements of extras, of all by default, by normal name."""
    declared = setup_cfg()['extras']
    return _by_name(
        line
        for name in names or declared
        for line in declared[name].splitlines()
    )


def _by_name(lines: Iterator[str]) -> dict[str, Requirement]:
    texts = (line.partition('#')[0].strip() for line in lines)
    found = [Requirement(text) for text in texts if text]
    return {normal(requirement.name): requirement for requirement in found}


def normal(name: str) -> str:
    """The form in which names of distributions are compared."""
    return name.lower().replace('_', '-').replace('.', '-')


def imports(path: Path) -> set[str]:
    """The top-level packages that a module imports."""
    return _imported(ast.walk(ast.parse(path.read_text())))


def imports_on_load(path: Path) -> set[str]:
    """Those that it imports when it is imported itself."""
    return _imported(ast.parse(path.read_text()).body)


def _imported(nodes: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or '').partition('.')[0])
    return names

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

"""``esi-worker-manage driver new``: a package to begin a driver with.

What is written works as it is: it can be installed, its tests pass, and
the linter has nothing to say. The files are the constants below, with
``{type}`` and the like filled in.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
import pathlib
import re

from esi_worker import exceptions, plugins
from esi_worker.cli import base

_NAME = re.compile(r'[a-z][a-z0-9_]*')

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[project]
name = "{project}"
version = "0.1.0"
description = "The resource type {type} for esi-worker"
readme = "README.rst"
requires-python = ">=3.11"
dependencies = ["esi-worker"]

[project.entry-points."esi_worker.drivers"]
{type} = "{package}.driver:{class_}"

[project.entry-points."esi_worker.template_paths"]
{type} = "{package}:TEMPLATES"

[tool.setuptools]
packages = ["{package}"]
include-package-data = false

[tool.setuptools.package-data]
{package} = ["templates/*/*"]
"""

_README = """\
{title}
{line}

The resource type ``{type}`` for esi-worker: a driver, a mapping and a Heat
template.

Test it with ``python -m unittest discover -s tests``, install it with
``pip install .`` beside esi-worker, and start the services again. Look
for faults with ``esi-worker-manage template lint
{package}/templates``.
"""

_INIT = '''\
"""The resource type {type} for esi-worker."""

import pathlib

TEMPLATES = pathlib.Path(__file__).parent / 'templates'
'''

_DRIVER = '''\
"""The driver of the resource type {type}: what a mapping cannot say."""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.drivers import MappingDriver, Plan, View
from esi_worker.model import Resource


class {class_}(MappingDriver):
    """The default driver, with a check of the name."""

    api_version = '{api_version}'

    def plan(
        self, resource: Resource, view: View, *, lenient: bool = False
    ) -> Plan:
        # Deletions are lenient: they must never hang on a field.
        if not lenient:
            check(resource)
        return super().plan(resource, view, lenient=lenient)


def check(resource: Resource) -> None:
    """Refuse what no job could do anything with.

    :raises MappingError: naming the resource, the field and the fix
    """
    if not resource.body.get('name'):
        raise exceptions.MappingError(
            f'{{resource.ref}}: the field "name" must not be empty'
        )
'''

_MAPPING = """\
# What esi-worker knows of the type, and what its template takes from it.
type: {type}
plural: {plural}
prefix: /v2.0/{plural}
# The type that a field refers to, such as {{network_id: network}}.
relations: {{}}
# Take "fields" away to allow any.
fields: [id, tenant_id, name]
# Which template a handler uses: an expression of the mapping language.
choices: {{heat_worker: C{type}}}
templates:
  {type}:
    handler: heat_worker
    file: heat.yaml.j2
    parameters:
      heat_timeout: C30
      name: Pname
"""

_TEMPLATE = """\
heat_template_version: 2013-05-23

description: {title}

parameters:
  name:
    type: string

resources:
  {type}:
    # Stands in for the real thing.
    type: OS::Heat::Value
    properties:
      value: {{ get_param: name }}

outputs:
  id:
    value: {{ get_attr: [{type}, value] }}
"""

_TEST = '''\
"""The resource type {type}, without etcd and without Heat."""

import unittest

from {package} import TEMPLATES
from {package}.driver import {class_}

from esi_worker import exceptions, testing


def scene(**body: object) -> testing.Scene:
    """A resource and its neighbours; ``add`` and ``give`` make more."""
    return testing.Scene(
        '{type}',
        {{'id': 'x', 'tenant_id': 't', 'name': 'first', **body}},
        driver={class_},
        folders=[TEMPLATES],
    )


class {class_}Test(unittest.TestCase):
    def test_heat_gets_the_name(self) -> None:
        self.assertEqual('first', scene().values()['name'])

    def test_it_refers_to_nothing(self) -> None:
        self.assertEqual(frozenset(), scene().references())

    def test_the_text_is_a_heat_template(self) -> None:
        self.assertIn('heat_template_version', scene().text())

    def test_a_name_is_needed(self) -> None:
        with self.assertRaisesRegex(exceptions.MappingError, 'name'):
            scene(name='').plan()

    def test_a_deletion_needs_no_name(self) -> None:
        self.assertTrue(scene(name='').plan(lenient=True).parts)

    def test_the_templates_have_no_faults(self) -> None:
        self.assertEqual([], scene().lint())


if __name__ == '__main__':
    unittest.main()
'''

_FILES: Mapping[str, str] = {
    'pyproject.toml': _PYPROJECT,
    'README.rst': _README,
    '{package}/__init__.py': _INIT,
    '{package}/driver.py': _DRIVER,
    '{package}/templates/{type}/driver.yaml': _MAPPING,
    '{package}/templates/{type}/heat.yaml.j2': _TEMPLATE,
    'tests/test_{type}.py': _TEST,
}


class DriverNew(base.PlainCommand):
    """Write a package with a driver for a resource type, to begin with.

    The package can be installed as it is and has tests that pass. The
    documentation's chapter on plugins says how to go on.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'type',
            help='the name of the resource type, such as robot or test_bench',
        )
        parser.add_argument(
            '--plural',
            help='what a collection is called in paths (default: the type '
            'with an s)',
        )
        parser.add_argument(
            '--folder',
            type=pathlib.Path,
            help='where to write the package; must not exist yet (default: '
            'esi-worker-<type> here)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        type_ = parsed_args.type
        plural = parsed_args.plural or f'{type_}s'
        for name in (type_, plural):
            if not _NAME.fullmatch(name):
                raise exceptions.ConfigurationError(
                    f'"{name}" is no name of a type: lower-case letters, '
                    'digits and underscores, a letter first'
                )
        project = f'esi-worker-{type_.replace("_", "-")}'
        folder = parsed_args.folder or pathlib.Path(project)
        if folder.exists():
            raise exceptions.ConfigurationError(
                f'{folder} exists already; name another with --folder'
            )
        for path, text in _filled(type_, plural, project):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, 'utf-8')
            self.say(str(target))


def _filled(
    type_: str, plural: str, project: str
) -> Iterator[tuple[str, str]]:
    title = f'The resource type {type_}'
    values = {
        'type': type_,
        'plural': plural,
        'project': project,
        'package': f'esi_worker_{type_}',
        'class_': ''.join(part.title() for part in type_.split('_'))
        + 'Driver',
        'title': title,
        'line': '=' * len(title),
        'api_version': plugins.API_VERSION,
    }
    for path, text in _FILES.items():
        yield path.format(**values), text.format(**values)

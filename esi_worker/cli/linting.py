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

"""``esi-worker-manage template lint``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json
import pathlib

from esi_worker import templates
from esi_worker.cli import base
from esi_worker.cli import templates as shared
from esi_worker.templates import options
from esi_worker.templates.linting import findings, sources

#: What the schemas are called beside a file of bodies.
SCHEMAS = 'schemas.json'


class TemplateLint(base.PlainCommand):
    """Find faults in templates before a job meets them.

    Looks at the folders of this host, at a folder or a JSON file that is
    named, or at what a manager sees: the folders and etcd. Errors are
    what a job fails of, warnings look like mistakes, notes may be meant.
    Exit code 1 when there is an error.

    Which fields and relations a type has, and which templates it chooses,
    is in the schemas of the REST server.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            'path',
            nargs='?',
            type=pathlib.Path,
            help='a folder of templates, the folder of one type, or a JSON '
            'file with bodies of templates as they are in etcd',
        )
        what.add_argument(
            '--from-etcd',
            action='store_true',
            help='look at the templates in etcd too',
        )
        parser.add_argument(
            '--schemas',
            metavar='FILE-OR-URL',
            help='the schemas of the REST server (default: the option '
            '"schemas" in the group [resources], else a schemas.json beside '
            'the JSON file)',
        )
        parser.add_argument(
            '--format',
            '-f',
            choices=('text', 'json'),
            default='text',
            help='how to print the findings (default: %(default)s)',
        )
        parser.add_argument(
            '--notes', action='store_true', help='print notes as text too'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        self._take_schemas(parsed_args)
        found = [
            each for each in self._find(parsed_args) if self._can_know(each)
        ]
        if parsed_args.format == 'json':
            self.say(json.dumps([each.to_json() for each in found], indent=2))
        else:
            self._print(found, parsed_args.notes)
        return int(_count(found, templates.Severity.ERROR) > 0)

    def _take_schemas(self, parsed_args: argparse.Namespace) -> None:
        conf, path = self.app.conf, parsed_args.path
        conf.register_opts(options.OPTS, group=options.GROUP)
        source = parsed_args.schemas or conf.resources.schemas
        if not source and path is not None and path.is_file():
            beside = path.parent / SCHEMAS
            source = str(beside) if beside.is_file() else None
        if source:
            conf.set_override('schemas', source, options.GROUP)
        elif path is not None and path.is_file():
            self.app.stderr.write(
                'No schemas are known; of types that no driver.yaml declares '
                'nothing can be said. Name them with --schemas.\n'
            )

    def _can_know(self, finding: templates.Finding) -> bool:
        """Whether what is known of the types allows a finding.

        Without schemas only those of the folders are known, and templates
        of other places may well be chosen by others.
        """
        resources = self.app.conf.resources
        if resources.schemas or resources.template_mappings:
            return True
        is_stored = f'/{templates.HEAT_TEMPLATES_PATH}/' in finding.source
        return finding.rule is not findings.NEVER_CHOSEN or not is_stored

    def _find(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[templates.Finding]:
        if parsed_args.path is not None:
            return sources.read(self.app.conf, parsed_args.path).lint()
        catalog = self.app.catalog
        if parsed_args.from_etcd:
            shared.with_stored(catalog, self.app.store, self.app.keys)
        return templates.Linter(catalog).lint()

    def _print(self, found: Sequence[templates.Finding], notes: bool) -> None:
        for finding in found:
            if notes or finding.severity is not templates.Severity.NOTE:
                self.say(str(finding))
        counts = [
            f'{_count(found, severity)} {severity.value}s'
            for severity in templates.Severity
        ]
        self.say(', '.join(counts))


def _count(
    found: Sequence[templates.Finding], severity: templates.Severity
) -> int:
    return len([each for each in found if each.severity is severity])

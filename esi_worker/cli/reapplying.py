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

"""``esi-worker-manage template apply``: what a template has made, anew."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from oslo_log import log as logging

from esi_worker import exceptions, templates
from esi_worker.cli import base, requests
from esi_worker.cli import templates as shared
from esi_worker.model import Config, Request, Resource, ResourceRef
from esi_worker.model.requests import REAPPLY

LOG = logging.getLogger(__name__)


class TemplateApply(base.ChangeCommand):
    """Apply a template again to the resources that use it.

    A template that changes is used for whatever is made or modified from
    then on; this makes the jobs (action modify) for those that are
    there. Versions stay as they are: the state of each resource is
    published once more with the version that it has, and A REST SERVER
    IGNORES THAT UNTIL THE NEXT UPDATE of the resource.

    The manager takes a few at a time, see [manager] paced_requests, also
    when this command has ended. Resources that are being deleted are left
    alone, and so are those that get a newer version meanwhile, for that
    is made with the template as it is now.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('template', help='the id of the template')
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='only name the resources',
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='wait until all are through; exit code 1 if one failed',
        )
        parser.add_argument(
            '--timeout',
            type=float,
            default=3600.0,
            metavar='SECONDS',
            help='how long to wait (default: %(default)s)',
        )
        parser.add_argument(
            '--stop-after',
            type=int,
            default=1,
            metavar='FAILURES',
            help='while waiting: after so many failures take back what has '
            'not begun; 0 for never (default: %(default)s)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        found = list(self._using(parsed_args.template))
        if not found:
            self.say('no resource uses it')
            return
        if parsed_args.dry_run:
            for resource in found:
                self.say(f'{resource.ref} version {resource.version}')
            return
        self.confirm(
            parsed_args,
            f'{len(found)} resources are modified with the template '
            f'"{parsed_args.template}". A REST server ignores the states '
            'that are published until the next update of each.',
        )
        what = f'{parsed_args.template}: {len(found)} resources'
        with self.recorded('template apply', what):
            names = self._ask(found)
        self.say(f'{len(found)} resources are to be applied again')
        if parsed_args.wait:
            follow = requests.Follow(
                self.app.store,
                self.app.keys,
                self.app.catalog.types,
                self.say,
            )
            follow.wait(names, parsed_args.timeout, parsed_args.stop_after)

    def _ask(self, found: list[Resource]) -> list[str]:
        return requests.submit(
            self.app.store,
            self.app.keys,
            [
                Request(
                    REAPPLY,
                    resource.ref,
                    resource.version,
                    paced=True,
                )
                for resource in found
            ],
        )

    def _using(self, template_id: str) -> Iterator[Resource]:
        """The resources that use a template now.

        :raises TemplateNotFound: there is none of this id
        :raises TemplateError: it cannot be used
        """
        app = self.app
        catalog = shared.with_stored(app.catalog, app.store, app.keys)
        template = catalog.get(template_id)
        for resource in self._resources(catalog):
            try:
                chosen = catalog.choose(
                    template.handler,
                    resource.type.name,
                    resource.body,
                    resource.version,
                    resource_id=resource.id,
                )
            except exceptions.MappingError as error:
                LOG.warning('%s is left out: %s', resource.ref, error)
                continue
            if chosen == template_id:
                yield resource

    def _resources(
        self, catalog: templates.TemplateCatalog
    ) -> Iterator[Resource]:
        keys = self.app.keys
        for kv in self.app.store.range(keys.configs).items:
            path = keys.config_path(kv.key)
            place = None if path is None else catalog.types.locate(path)
            if place is None or place[0].name == 'heat_template':
                continue
            try:
                config = Config.decode(kv.key, kv.value)
            except exceptions.DecodeError as error:
                ref = ResourceRef(place[0].name, place[1])
                LOG.warning('%s is left out: %s', ref, error)
                continue
            if not config.marked_for_deletion:
                yield Resource(*place, config)

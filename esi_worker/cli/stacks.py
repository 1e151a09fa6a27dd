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

"""``esi-worker-manage stack ...``: what is in Heat and in no config."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence, Set
import contextlib
import dataclasses
from typing import Any

from esi_worker import exceptions, plugins
from esi_worker.cli import base, blueprints
from esi_worker.handlers.heat import (
    HeatBackend,
    HeatHandler,
    StackBackend,
    StackInfo,
)
from esi_worker.handlers.heat.backend import OWNER_TAG
from esi_worker.model import ResourceRef

COLUMNS = (
    'Tenant',
    'Stack',
    'Stack id',
    'Status',
    'Changed at',
    'Resource',
    'Remembered',
)


class StackOrphans(base.ListCommand):
    """List stacks that are tagged as ours and belong to no config.

    Only tenants that own a config or a record in etcd are looked at,
    unless others are named. "Remembered" tells that records of the
    resource are left, so that the manager is deleting it or will do so;
    other orphans stay until somebody deletes them in Heat. Look twice
    where several deployments share a Heat: stacks of another one are
    orphans here.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--tenant',
            action='append',
            metavar='ID',
            help='look only at this tenant; may be given several times',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        conf = self.app.conf
        plugins.register_options(conf, [HeatHandler])
        blueprint = blueprints.Blueprint(
            conf, self.app.catalog, self.app.store, self.app.keys
        )
        records = self._records(blueprint)
        tenants = parsed_args.tenant or _tenants(blueprint, records)
        with contextlib.closing(HeatBackend(conf)) as stacks:
            found = find_orphans(
                stacks, sorted(tenants), blueprint.configs.refs()
            )
            return COLUMNS, [orphan.row(records.keys()) for orphan in found]

    def _records(
        self, blueprint: blueprints.Blueprint
    ) -> dict[ResourceRef, str]:
        """The resources that etcd remembers, with their tenants."""
        keys, found = self.app.keys, {}
        for prefix in (keys.accepted(''), keys.heat_stack('')):
            for path, kv in base.values(self.app.store, prefix).items():
                place = blueprint.catalog.types.locate(path)
                if place is None:
                    continue
                fields = base.fields(kv)
                tenant = fields.get('tenant_id') or _tenant_in(fields)
                found[ResourceRef(place[0].name, place[1])] = str(tenant or '')
        return found


class StackDrift(base.ListCommand):
    """List stacks that others have changed or deleted, as last seen.

    Needs [heat] drift_check_interval. "resource reconcile" puts one
    right, with --force if it was changed; the next search takes it off
    the list.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        found = base.values(self.app.store, self.app.keys.drift(''))
        rows = []
        for path, kv in sorted(found.items()):
            fields = base.fields(kv)
            rows.append(
                (
                    path,
                    *(fields.get(name, '') for name in _DRIFT_FIELDS),
                )
            )
        return ('Path', 'Drift', 'Reason', 'Version', 'Since'), rows


_DRIFT_FIELDS = ('kind', 'reason', 'version', 'since')


@dataclasses.dataclass(frozen=True, slots=True)
class Orphan:
    """A stack of ours without a config, or a tenant that hides them.

    ``ref`` is the resource that it was made for, if its tags say so.
    """

    tenant: str
    info: StackInfo | None
    ref: ResourceRef | None = None
    trouble: str = ''

    def row(self, remembered: Set[ResourceRef]) -> tuple[Any, ...]:
        if self.info is None:
            return (self.tenant, '', '', self.trouble, '', '', '')
        return (
            self.tenant,
            self.info.name,
            self.info.id,
            self.info.status,
            self.info.changed_at,
            '' if self.ref is None else str(self.ref),
            self.ref in remembered,
        )


def find_orphans(
    stacks: StackBackend, tenants: Sequence[str], configured: Set[ResourceRef]
) -> Iterator[Orphan]:
    """Find stacks of ours whose resource has no config.

    A tenant whose stacks cannot be listed is told in their place.
    """
    for tenant in tenants:
        try:
            infos = stacks.tagged(tenant, OWNER_TAG)
        except exceptions.EsiWorkerError as error:
            yield Orphan(tenant, None, trouble=f'cannot be listed: {error}')
            continue
        for info in sorted(infos, key=lambda info: info.name):
            ref = _ref_of(info)
            if ref is None or ref not in configured:
                yield Orphan(tenant, info, ref)


def _ref_of(info: StackInfo) -> ResourceRef | None:
    """The resource of a stack named ``<type>_<id>``; the type, which may
    hold the separator itself, is one of its tags."""
    for tag in info.tags:
        type_, _, rest = info.name.partition(f'{tag}_')
        if not type_ and rest:
            return ResourceRef(tag, rest)
    return None


def _tenants(
    blueprint: blueprints.Blueprint, records: Mapping[ResourceRef, str]
) -> set[str]:
    found = {str(each.body.get('tenant_id')) for each in blueprint.configs}
    return {*found, *records.values()} - {'', 'None'}


def _tenant_in(fields: Mapping[str, Any]) -> Any:
    body = fields.get('body')
    return body.get('tenant_id') if isinstance(body, dict) else None

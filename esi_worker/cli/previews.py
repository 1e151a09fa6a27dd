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

"""``esi-worker-manage resource preview``: what would change."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import contextlib
from typing import Any

from esi_worker import clock as clocks
from esi_worker import exceptions, handlers
from esi_worker.cli import base, blueprints, naming
from esi_worker.model import Job

COLUMNS = (
    'Handler',
    'Part',
    'Type',
    'Change',
    'Property',
    'Before',
    'After',
)


class ResourcePreview(base.ListCommand):
    """Show what applying the latest config of a resource would change.

    Heat is asked what an update would do; nothing is changed. A row is a
    property of a resource of the stack. Values that Heat works out itself
    are shown as the template has them, secrets as asterisks.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        naming.add_argument(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        app = self.app
        path = naming.path_of(
            naming.words_of(parsed_args), app.keys, app.catalog.types
        )
        blueprint = blueprints.Blueprint(
            app.conf, app.catalog, app.store, app.keys
        )
        jobs = blueprint.jobs(naming.ref_of(path, app.catalog.types))
        rows = [
            row
            for job, found in self._previews(blueprint, jobs)
            for row in _rows(job, found)
        ]
        if not rows:
            self.app.LOG.warning('Nothing would change')
        return COLUMNS, rows

    def _previews(
        self, blueprint: blueprints.Blueprint, jobs: Sequence[Job]
    ) -> list[tuple[Job, Sequence[handlers.Difference]]]:
        if not jobs:
            return []
        with contextlib.ExitStack() as stack:
            loaded = self._load(blueprint, jobs)
            stack.callback(handlers.close_handlers, loaded)
            found, failure = [], None
            for job in jobs:
                try:
                    found.append((job, loaded[job.handler].preview(job)))
                except exceptions.NoPreview as error:
                    failure = error
                    self.app.LOG.warning('%s', error)
            if failure is not None and not found:
                raise failure
            return found

    def _load(
        self, blueprint: blueprints.Blueprint, jobs: Sequence[Job]
    ) -> Mapping[str, handlers.Handler]:
        context = handlers.HandlerContext(
            conf=self.app.conf,
            store=self.app.store,
            keys=self.app.keys,
            catalog=blueprint.catalog,
            clock=clocks.SystemClock(),
            # No claim: whatever happens, a handler changes nothing.
            claim_seconds=lambda: 0.0,
        )
        names = list(dict.fromkeys(job.handler for job in jobs))
        return handlers.load_handlers(self.app.conf, context, names)


def _rows(
    job: Job, found: Sequence[handlers.Difference]
) -> list[tuple[Any, ...]]:
    return [
        (
            job.handler,
            each.part,
            each.kind,
            each.change.value,
            each.field,
            each.before,
            each.after,
        )
        for each in found
    ]

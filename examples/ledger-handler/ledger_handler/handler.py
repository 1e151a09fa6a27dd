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

"""A handler that keeps one line per resource in a folder.

The line is the rendered template. A job may be started again after a
crash, so a file is written as a whole and in one step: doing it twice
does no harm.
"""

from __future__ import annotations

import os
import pathlib
import tempfile

from oslo_config import cfg

from esi_worker import exceptions, plugins
from esi_worker.handlers.base import Handler, HandlerContext
from esi_worker.model import Done, Job, Outcome

GROUP = 'ledger'
OPTIONS = [
    cfg.StrOpt(
        'folder',
        help='Folder of the ledger. The user of the service must be able to '
        'write there.',
    ),
]


class LedgerHandler(Handler):
    """Writes ``<folder>/<type>_<id>``."""

    api_version = '1.0'

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return ((GROUP, OPTIONS),)

    def __init__(self, context: HandlerContext) -> None:
        super().__init__(context)
        folder = context.conf[GROUP].folder
        if not folder:
            raise exceptions.ConfigurationError(
                'the option "folder" in the group [ledger] is not set'
            )
        self._folder = pathlib.Path(folder)

    def start(self, job: Job) -> Outcome:
        path = self._folder / f'{job.resource.type}_{job.resource.id}'
        # Right before the change: is this job still ours?
        self.context.check_claim()
        try:
            if job.action.deletes:
                path.unlink(missing_ok=True)
            else:
                _replace(path, self._text(job))
        except OSError as error:
            # Disks fill up and become free again: not now.
            raise exceptions.TransientError(f'{path}: {error}') from error
        return Done(results={'ledger': str(path)})

    def _text(self, job: Job) -> str:
        catalog = self.context.catalog
        template_id = catalog.choose(
            job.handler,
            job.resource.type,
            job.resource_input,
            job.version,
            resource_id=job.resource.id,
        )
        if template_id is None:
            raise exceptions.TerminalError(
                f'no template is chosen for {job.resource}'
            )
        values = {param.name: param.value for param in job.params}
        return catalog.render(template_id, values)


def _replace(path: pathlib.Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    with tempfile.NamedTemporaryFile(
        'w', dir=path.parent, prefix='.', delete=False
    ) as file:
        file.write(text)
    os.replace(file.name, path)

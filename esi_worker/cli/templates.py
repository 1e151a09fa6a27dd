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

"""``esi-worker-manage template ...``: templates as a manager sees them."""

from __future__ import annotations

import argparse
from typing import Any

from esi_worker import templates
from esi_worker.cli import base

COLUMNS = ('ID', 'Handler', 'Source')


class TemplateList(base.ListCommand):
    """List the usable templates of the folders and of etcd.

    Broken ones are named on stderr with the reason.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        prefix = self.app.keys.config(f'{templates.HEAT_TEMPLATES_PATH}/')
        catalog = templates.load_catalog(self.app.conf)
        stored = self.app.store.range(prefix).items
        catalog.replace_all({kv.key: kv.value for kv in stored})
        return COLUMNS, [
            (template.id, template.handler, template.source)
            for template in catalog.templates()
        ]

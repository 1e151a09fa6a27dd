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

"""Templates: where they come from, which one is chosen, rendering.

A template is a text with a parameter for each value it needs. This
package knows files, schemas and the form of templates in etcd; it does
not talk to etcd: whoever watches the configs hands them to ``put``,
``remove`` and ``replace_all``.
"""

from esi_worker.templates.catalog import HEAT_TEMPLATE, TemplateCatalog
from esi_worker.templates.linting.findings import Finding, Severity
from esi_worker.templates.linting.journal import Journal
from esi_worker.templates.linting.linter import Linter
from esi_worker.templates.loading import load_catalog
from esi_worker.templates.options import list_opts
from esi_worker.templates.template import (
    HEAT_TEMPLATES_PATH,
    Template,
    canonical_handler,
    is_template_path,
)

__all__ = (
    'HEAT_TEMPLATE',
    'HEAT_TEMPLATES_PATH',
    'Finding',
    'Journal',
    'Linter',
    'Severity',
    'Template',
    'TemplateCatalog',
    'canonical_handler',
    'is_template_path',
    'list_opts',
    'load_catalog',
)

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

"""What a service says of the templates that it loads."""

from __future__ import annotations

from collections.abc import Iterable

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.templates.catalog import TemplateCatalog
from esi_worker.templates.linting.findings import Finding, Severity
from esi_worker.templates.linting.linter import Linter

LOG = logging.getLogger(__name__)


class Journal:
    """Logs findings, each once for as long as it is one.

    A fault of the linter's own is logged and stops nothing.
    """

    def __init__(self, catalog: TemplateCatalog) -> None:
        self._catalog = catalog
        self._known: dict[str, frozenset[Finding]] = {}

    def look_at_all(self) -> None:
        """All templates were loaded."""
        found: dict[str, list[Finding]] = {}
        try:
            every = Linter(self._catalog).lint()
        except Exception:
            LOG.exception('The linter has failed')
            return
        for finding in every:
            found.setdefault(finding.template, []).append(finding)
        for template_id in self._known.keys() | found.keys():
            self._note(template_id, found.get(template_id, ()))

    def look_at(self, template_id: str) -> None:
        """A template has changed; a broken one is told of elsewhere."""
        try:
            template = self._catalog.get(template_id)
        except exceptions.TemplateError:
            self._note(template_id, ())
            return
        try:
            found = list(Linter(self._catalog).lint_template(template))
        except Exception:
            LOG.exception('The linter has failed at "%s"', template_id)
            return
        self._note(template_id, found)

    def _note(self, template_id: str, found: Iterable[Finding]) -> None:
        now = frozenset(found)
        before = self._known.get(template_id, frozenset())
        self._known[template_id] = now
        for finding in sorted(now - before, key=str):
            if finding.severity is Severity.ERROR:
                LOG.error('Template fault: %s', finding)
            elif finding.severity is Severity.WARNING:
                LOG.info('Template fault: %s', finding)

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
"""Guru meditation reports: all threads, options and our own state.

``SIGUSR2`` makes a process write one, to standard error or into the
folder that ``[oslo_reports] log_dir`` names. The values of secret
options are left out.
"""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from typing import Any, ClassVar

from oslo_reports import guru_meditation_report as gmr
from oslo_reports import opts
from oslo_reports.generators import conf as config_reports
from oslo_reports.models import with_default_views

from esi_worker import health as healths
from esi_worker import version


class _Version:
    """What the section about the package asks for."""

    def vendor_string(self) -> str:
        return 'esi-worker developers'

    def product_string(self) -> str:
        return version.PACKAGE

    def version_string_with_package(self) -> str:
        return version.version()


def set_up(
    conf: Any, service: str, living: healths.Living | None = None
) -> None:
    """Let SIGUSR2 report on this process; only from its main thread.

    :param service: begins the names of files
    """
    register(conf)

    class Report(gmr.TextGuruMeditation):
        """Its sections are those of this process alone."""

        persistent_sections: ClassVar[list[tuple[str, Callable[[], Any]]]] = []

    Report.register_section(
        'Options', config_reports.ConfigReportGenerator(conf)
    )
    if living is not None:
        Report.register_section('Health', lambda: _model(living))
    Report.setup_autorun(_Version(), service_name=service, conf=conf)


def register(conf: Any) -> None:
    """Make the options known; doing it twice is no error."""
    opts.set_defaults(conf)


def _model(living: healths.Living) -> Any:
    health = living.health()
    fields = {**dataclasses.asdict(health), 'ready': health.ready}
    return with_default_views.ModelWithDefaultViews(data=fields)

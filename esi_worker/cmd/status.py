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

"""Console script ``esi-worker-status``: may this version be started?

``esi-worker-status upgrade check`` follows oslo.upgradecheck: 0 all is
well, 1 something deserves a look, 2 something must be done first, 255 an
unexpected error.
"""

from __future__ import annotations

from collections.abc import Sequence
import sys
from typing import Any

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from esi_worker import exceptions, service, store, version
from esi_worker.admin import rows
from esi_worker.cli import settings
from esi_worker.model import Job

Code = upgradecheck.Code
Result = upgradecheck.Result


class Checks(upgradecheck.UpgradeCommands):
    """What is looked at before an upgrade."""

    def __init__(self, conf: Any) -> None:
        super().__init__()
        self.conf = conf

    def _configuration(self) -> Any:
        """Whether this version can use the configuration."""
        try:
            service.register_options(self.conf)
            service.check(self.conf, service.Role.ALL)
        except (cfg.Error, exceptions.ConfigurationError) as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS)

    def _etcd(self) -> Any:
        """Whether etcd answers and can be read."""
        try:
            with store.open_store(self.conf) as target:
                target.get(store.key_layout(self.conf).election)
        except (exceptions.StoreError, exceptions.ConfigurationError) as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS)

    def _jobs(self) -> Any:
        """Whether this version can read all unfinished jobs."""
        try:
            unreadable = self._unreadable_jobs()
        except (exceptions.StoreError, exceptions.ConfigurationError) as error:
            return Result(Code.FAILURE, f'not checked: {error}')
        if unreadable:
            return Result(
                Code.WARNING,
                f'{len(unreadable)} unfinished jobs cannot be read and will '
                f'be left alone, such as {unreadable[0]}',
            )
        return Result(Code.SUCCESS)

    def _unreadable_jobs(self) -> list[str]:
        keys = store.key_layout(self.conf)
        found = []
        with store.open_store(self.conf) as target:
            for kv in target.range(keys.job('')).items:
                try:
                    Job.decode(kv.key, kv.value)
                except exceptions.DecodeError as error:
                    found.append(str(error))
        return found

    def _processes(self) -> Any:
        """Which versions run together at the moment."""
        keys = store.key_layout(self.conf)
        try:
            with store.open_store(self.conf) as target:
                found = [
                    *target.range(keys.worker('')).items,
                    *target.range(keys.manager('')).items,
                ]
        except (exceptions.StoreError, exceptions.ConfigurationError) as error:
            return Result(Code.FAILURE, f'not checked: {error}')
        versions = sorted(
            {str(rows.fields(kv).get('version', '?')) for kv in found}
        )
        text = f'running: {", ".join(versions) or "none"}; this is ' + (
            version.version()
        )
        if len(versions) > 1:
            return Result(
                Code.WARNING,
                f'{text}. Versions are mixed; finish the former upgrade',
            )
        return Result(Code.SUCCESS, text)

    _upgrade_checks = (
        ('Configuration', _configuration),
        ('etcd', _etcd),
        ('Unfinished jobs', _jobs),
        ('Running versions', _processes),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks.

    :returns: 0, 1, 2 or 255 as above
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    conf = cfg.ConfigOpts()
    code: int = upgradecheck.main(
        conf, settings.PROJECT, Checks(conf), arguments
    )
    return code


if __name__ == '__main__':
    sys.exit(main())

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

"""``config check``: can the services use this configuration?"""

from __future__ import annotations

import argparse
import contextlib

from oslo_config import cfg
from oslo_log import log as logging

from esi_worker import exceptions, handlers, service, store
from esi_worker.cli import base, settings


class ConfigCheck(base.PlainCommand):
    """Check the configuration as the services do when they start.

    Reads all options, templates, schemas and plugins. With --connect it
    also asks etcd, and for a worker what its handlers work with: Keystone
    for a token, and Heat. Exits with 2 when something cannot be used and
    with 1 when something does not answer; the message names the option and
    the fix.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--role',
            choices=[role.value for role in service.Role],
            default=service.Role.ALL.value,
            help='check for this role (default: %(default)s)',
        )
        parser.add_argument(
            '--connect',
            action='store_true',
            help='also make sure that etcd, Keystone and Heat answer and let '
            'us in',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        conf = cfg.ConfigOpts()
        logging.register_options(conf)
        service.register_options(conf)
        options = self.app.options
        settings.load(options.config_file, options.config_dir, conf)
        role = service.Role(parsed_args.role)
        try:
            service.check(conf, role)
        except cfg.Error as error:
            raise exceptions.ConfigurationError(str(error)) from error
        self.say(f'the configuration can be used for the role {role.value}')
        if parsed_args.connect:
            self._connect(conf, role)

    def _connect(self, conf: cfg.ConfigOpts, role: service.Role) -> None:
        """Ask everything, and tell of each whether it answers.

        :raises TerminalError: something does not
        """
        probes = [_ask_store(self.app.store, self.app.keys.election)]
        if role is not service.Role.MANAGER:
            probes += _ask_handlers(conf, self.app.store)
        for probe in probes:
            state = f'failed: {probe.problem}' if probe.problem else 'ok'
            self.say(f'{probe.what}: {state}')
        failed = [probe.what for probe in probes if probe.problem]
        if failed:
            raise exceptions.TerminalError(
                f'{", ".join(failed)} cannot be used'
            )


def _ask_store(target: store.Store, key: str) -> handlers.Probe:
    try:
        store.wait_for_store(target, 0, probe=key)
    except exceptions.StoreError as error:
        return handlers.Probe('etcd', str(error))
    return handlers.Probe('etcd')


def _ask_handlers(
    conf: cfg.ConfigOpts, target: store.Store
) -> list[handlers.Probe]:
    parts = service.WorkerParts(conf, target)
    with contextlib.closing(parts):
        return list(parts.probe())

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

"""The program around the commands: options, configuration, exit codes.

Exit codes are 0 for done, 1 for failed (the reason is on stderr) and 2
for a command line or a configuration that cannot be used. A change that
was not confirmed is a failure.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import itertools
import logging
from typing import Any, NoReturn

from cliff import app as cliff_app
from cliff import command, commandmanager
from oslo_config import cfg

from esi_worker import exceptions, templates, version
from esi_worker.cli import audit, settings
from esi_worker.store import KeyLayout, Store, opening

NAMESPACE = 'esi_worker.cli'
USAGE_ERROR = 2

Opener = Callable[[cfg.ConfigOpts], Store]


class ManageApp(cliff_app.App):
    """Finds the command, gives it ``conf``, ``store`` and ``keys``.

    The store is opened at its first use.
    """

    NAME = 'esi-worker-manage'
    conf: cfg.ConfigOpts

    def __init__(
        self, opener: Opener = opening.open_store, **streams: Any
    ) -> None:
        """Prepare the program.

        :param opener: makes the store out of the configuration
        :param streams: cliff's ``stdin``, ``stdout``, ``stderr``
        """
        super().__init__(
            description='Look at a deployment of esi-worker and direct it. '
            'Exit codes: 0 done, 1 failed, 2 wrong command line or '
            'configuration.',
            version=version.version(),
            command_manager=commandmanager.CommandManager(NAMESPACE),
            # Without it --help behind a command is the program's own.
            deferred_help=True,
            **streams,
        )
        self._opener = opener
        self._store: Store | None = None
        self._catalog: templates.TemplateCatalog | None = None
        self._is_misconfigured = False

    @property
    def store(self) -> Store:
        """:raises ConfigurationError: the group [etcd] is unusable"""
        if self._store is None:
            self._store = self._opener(self.conf)
        return self._store

    @property
    def keys(self) -> KeyLayout:
        return opening.key_layout(self.conf)

    @property
    def catalog(self) -> templates.TemplateCatalog:
        """The types and the templates of this host's folders.

        :raises ConfigurationError: they cannot be read
        """
        if self._catalog is None:
            self._catalog = templates.load_catalog(self.conf)
        return self._catalog

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, Any] | None = None,
    ) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().build_option_parser(
            description, version, argparse_kwargs
        )
        settings.add_arguments(parser)
        return parser

    def configure_logging(self) -> None:
        """As cliff does, but questions are not mixed with the audit."""
        root = logging.getLogger()
        before = list(root.handlers)
        super().configure_logging()
        if self.options.verbose_level > self.DEFAULT_VERBOSE_LEVEL:
            return
        for handler in root.handlers:
            is_file = isinstance(handler, logging.FileHandler)
            if handler not in before and not is_file:
                handler.addFilter(audit.is_other)

    def run_subcommand(self, argv: list[str]) -> int:
        if argv[:1] == ['help']:
            return self._help(argv[1:])
        try:
            self.conf = settings.load(
                self.options.config_file, self.options.config_dir
            )
        except exceptions.ConfigurationError as error:
            self.LOG.error('%s', error)
            return USAGE_ERROR
        audit.set_up()
        code: int = super().run_subcommand(argv)
        return USAGE_ERROR if self._is_misconfigured else code

    def _help(self, argv: list[str]) -> int:
        """Help for a command, whatever follows its words.

        It needs no configuration.
        """
        words = itertools.takewhile(lambda word: word[:1] != '-', argv)
        code: int = super().run_subcommand(['help', *words])
        return code

    def clean_up(
        self,
        cmd: command.Command,
        result: int,
        err: BaseException | None,
    ) -> None:
        self._is_misconfigured = isinstance(err, exceptions.ConfigurationError)
        if self._store is not None:
            self._store.close()
            self._store = None

    def interact(self) -> NoReturn:
        """Without a command there is nothing to do."""
        self.parser.print_help(self.stderr)
        raise SystemExit(USAGE_ERROR)

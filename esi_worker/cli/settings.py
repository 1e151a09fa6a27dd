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

"""The services' configuration files, for the commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from oslo_config import cfg

from esi_worker import exceptions, version

#: Names the folders and the file that are looked for by default, such
#: as /etc/esi-worker/esi-worker.conf.
PROJECT = 'esi-worker'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name configuration files."""
    parser.add_argument(
        '--config-file',
        action='append',
        metavar='FILE',
        help='configuration file; may be given several times, later ones '
        'win; default: the first of ~/.esi-worker/esi-worker.conf, '
        '~/esi-worker.conf, /etc/esi-worker/esi-worker.conf and '
        '/etc/esi-worker.conf that is there',
    )
    parser.add_argument(
        '--config-dir',
        action='append',
        metavar='FOLDER',
        help='folder whose *.conf files are read after the others',
    )


def load(
    files: Sequence[str] | None = None,
    folders: Sequence[str] | None = None,
    conf: cfg.ConfigOpts | None = None,
) -> cfg.ConfigOpts:
    """Read configuration files; which options there are is left open.

    :param conf: what they are read into, if it knows options already
    :raises ConfigurationError: a file cannot be found or parsed
    """
    conf = cfg.ConfigOpts() if conf is None else conf
    arguments = [f'--config-file={file}' for file in files or ()]
    arguments += [f'--config-dir={folder}' for folder in folders or ()]
    try:
        conf(arguments, project=PROJECT, prog=PROJECT, version=_version())
    except cfg.Error as error:
        raise exceptions.ConfigurationError(
            f'the configuration cannot be read: {error}'
        ) from error
    return conf


def _version() -> str:
    return version.version()

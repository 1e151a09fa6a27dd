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

"""All options of all services, for oslo-config-generator.

The options stand next to the code that uses them; this gathers them for
the entry point ``esi_worker`` of ``oslo.config.opts``. What installed
plugins declare is part of it, those of other packages too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import itertools
from typing import Any

from esi_worker import masking, plugins, templates
from esi_worker.admin import opts as admin_opts
from esi_worker.collector import opts as collector_opts
from esi_worker.dispatcher import opts as worker_opts
from esi_worker.handlers.heat import options as heat_options
from esi_worker.handlers.monitoring import options as monitoring_options
from esi_worker.scheduler import opts as manager_opts
from esi_worker.store import opts as store_opts

_PLUGIN_GROUPS = (
    plugins.HANDLERS,
    plugins.DRIVERS,
    plugins.POLLERS,
    plugins.SYNCERS,
)


def list_opts() -> list[tuple[Any, list[Any]]]:
    """The options by group; each group and each option comes once.

    :raises PluginError: an installed plugin cannot be loaded
    """
    return merged(itertools.chain(_own(), _of_plugins()))


def _own() -> Iterator[tuple[Any, Iterable[Any]]]:
    yield from masking.list_opts()
    yield from store_opts.list_opts()
    yield from templates.list_opts()
    yield from manager_opts.list_opts()
    yield from worker_opts.list_opts()
    yield from heat_options.list_opts()
    yield from monitoring_options.list_opts()
    yield from collector_opts.list_opts()
    yield from admin_opts.list_opts()


def _of_plugins() -> Iterator[tuple[Any, Iterable[Any]]]:
    for name in _PLUGIN_GROUPS:
        for class_ in plugins.load_classes(name, plugins.Plugin).values():
            yield from class_.options()


def merged(
    declared: Iterable[tuple[Any, Iterable[Any]]],
) -> list[tuple[Any, list[Any]]]:
    """Put what was declared for one group together.

    :param declared: groups, as names or as ``OptGroup``, with options;
        of equal groups and of options with one name the first is taken
    """
    groups: dict[str, Any] = {}
    options: dict[str, dict[str, Any]] = {}
    for group, declared_options in declared:
        name = str(getattr(group, 'name', group))
        groups.setdefault(name, group)
        known = options.setdefault(name, {})
        for option in declared_options:
            known.setdefault(option.dest, option)
    return [
        (group, list(options[name].values())) for name, group in groups.items()
    ]

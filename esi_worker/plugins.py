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

"""Loading plugins from entry points.

Every plugin class states the version of the contract it was written
for, ``api_version`` (``"<major>.<minor>"``), and may declare options of
its own with ``options()``. A plugin that cannot be loaded is an error
that names it and the reason, never a silent skip.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
import re
from typing import Any, ClassVar, NoReturn, TypeVar

from oslo_config import cfg
from stevedore import extension, named

from esi_worker import exceptions

HANDLERS = 'esi_worker.handlers'
DRIVERS = 'esi_worker.drivers'
TEMPLATE_PATHS = 'esi_worker.template_paths'
JINJA_FILTERS = 'esi_worker.jinja_filters'
POLLERS = 'esi_worker.collector.pollers'
SYNCERS = 'esi_worker.collector.syncers'

#: The contract that this release offers to plugins.
API_VERSION = '1.0'
_VERSION = re.compile(r'(\d+)\.(\d+)')

T = TypeVar('T')

#: Options as ``(group, [oslo.config options])``.
OptionGroups = Sequence[tuple[str, Sequence[Any]]]


class Plugin:
    """What every plugin class of esi-worker has."""

    #: The contract the plugin was written for.
    api_version: ClassVar[str] = API_VERSION

    @classmethod
    def options(cls) -> OptionGroups:
        """Options of the plugin's own.

        They are registered when the plugin is loaded and stand in the
        generated sample file.
        """
        return ()


def load(group: str, names: Collection[str] | None = None) -> dict[str, Any]:
    """Load the objects behind the entry points of a group.

    :param names: only these, all of which must be there; None means all
    :returns: the loaded objects by entry point name
    :raises PluginError: one cannot be loaded, or is not installed
    """
    manager: Any
    if names is None:
        manager = extension.ExtensionManager(
            group, on_load_failure_callback=_refuse
        )
    else:
        manager = named.NamedExtensionManager(
            group,
            sorted(set(names)),
            on_load_failure_callback=_refuse,
            on_missing_entrypoints_callback=lambda missing: _miss(
                group, missing
            ),
        )
    return {item.name: item.plugin for item in manager}


def load_classes(
    group: str, base: type[Plugin], names: Collection[str] | None = None
) -> dict[str, Any]:
    """Load plugin classes and check that they keep the contract.

    :param base: the class that each of them must inherit from
    :raises PluginError: as ``load``; also for another kind of object or
        a contract version that this release does not offer
    """
    classes = load(group, names)
    for name, class_ in classes.items():
        check_class(group, name, class_, base)
    return classes


def make(group: str, name: str, factory: Callable[[], T]) -> T:
    """Make the object of a loaded plugin.

    :param factory: calls its class
    :raises PluginError: it raised something that nobody expects; what
        it says about its configuration passes through
    """
    try:
        return factory()
    except (exceptions.EsiWorkerError, cfg.Error):
        raise
    except Exception as error:
        raise exceptions.PluginError(
            f'plugin "{name}" of {group} cannot be made: '
            f'{type(error).__name__}: {error}'
        ) from error


def register_options(conf: Any, classes: Collection[type[Plugin]]) -> None:
    """Register what the plugins' ``options()`` declare."""
    for class_ in classes:
        for group, options in class_.options():
            conf.register_opts(options, group=group)


def check_class(
    group: str, name: str, class_: Any, base: type[Plugin]
) -> None:
    """Make sure that a plugin's class can be used.

    :raises PluginError: it has another base, or is for another contract
    """
    if not (isinstance(class_, type) and issubclass(class_, base)):
        raise exceptions.PluginError(
            f'plugin "{name}" of {group} must be a class that inherits '
            f'from {base.__module__}.{base.__name__}'
        )
    if not _offered(class_.api_version):
        raise exceptions.PluginError(
            f'plugin "{name}" of {group} was written for version '
            f'{class_.api_version} of the plugin contract, this release '
            f'offers {API_VERSION}; install one that fits'
        )


def _offered(version: object) -> bool:
    """Whether a plugin for this version of the contract can be used."""
    match = _VERSION.fullmatch(str(version))
    if match is None:
        return False
    major, minor = API_VERSION.split('.')
    return match[1] == major and int(match[2]) <= int(minor)


def _refuse(_manager: Any, entry: Any, error: BaseException) -> NoReturn:
    raise exceptions.PluginError(
        f'plugin "{entry.name}" of {entry.group} ({entry.value}) cannot be '
        f'loaded: {type(error).__name__}: {error}'
    ) from error


def _miss(group: str, missing: Iterable[str]) -> NoReturn:
    names = ', '.join(f'"{name}"' for name in sorted(missing))
    raise exceptions.PluginError(
        f'no installed package offers {names} in the entry points {group}; '
        'correct the name in the configuration or install the package'
    )

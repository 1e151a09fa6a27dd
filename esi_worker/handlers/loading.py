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

"""Loads the handler plugins of a worker process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
import contextlib
import functools
from typing import Any

from esi_worker import plugins
from esi_worker.handlers import base


def load_handlers(
    conf: Any, context: base.HandlerContext, names: Collection[str]
) -> Mapping[str, base.Handler]:
    """Load handlers, register their options and make one of each.

    :param names: the entry points to load
    :returns: the handlers by name, and by alias where no other handler
        has that name; names of one class share one instance
    :raises PluginError: one cannot be loaded or made
    :raises ConfigurationError: one cannot use its configuration
    """
    classes = plugins.load_classes(plugins.HANDLERS, base.Handler, names)
    plugins.register_options(conf, list(dict.fromkeys(classes.values())))
    with contextlib.ExitStack() as made:
        instances = {}
        for name, class_ in classes.items():
            if class_ in instances:
                continue
            instances[class_] = plugins.make(
                plugins.HANDLERS, name, functools.partial(class_, context)
            )
            made.callback(instances[class_].close)
        made.pop_all()
    handlers = {name: instances[classes[name]] for name in classes}
    for handler in instances.values():
        for alias in handler.aliases:
            handlers.setdefault(alias, handler)
    return handlers


def periodic_tasks(
    handlers: Mapping[str, base.Handler],
) -> list[base.PeriodicTask]:
    """The periodic tasks of all handlers."""
    return [
        task
        for handler in _each_once(handlers)
        for task in handler.periodic_tasks()
    ]


def probes(handlers: Mapping[str, base.Handler]) -> Iterator[base.Probe]:
    """What all handlers work with, each asked whether it answers."""
    for handler in _each_once(handlers):
        yield from handler.probe()


def close_handlers(handlers: Mapping[str, base.Handler]) -> None:
    """Close all handlers."""
    for handler in _each_once(handlers):
        handler.close()


def _each_once(handlers: Mapping[str, base.Handler]) -> list[base.Handler]:
    """The handlers, whatever the number of their names."""
    return list({id(item): item for item in handlers.values()}.values())

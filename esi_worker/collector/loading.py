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


"""Makes the pollers and syncers that are installed."""

from __future__ import annotations

import functools
from typing import Any

from esi_worker import clock as clocks
from esi_worker import plugins
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.pollers.base import Poller, PollerContext
from esi_worker.collector.syncers.base import Syncer, SyncerContext


def load_pollers(conf: Any, clock: clocks.Clock) -> dict[str, Poller]:
    """Make the poller plugins that are installed.

    :raises PluginError: one cannot be loaded or made
    """
    classes = plugins.load_classes(plugins.POLLERS, Poller)
    plugins.register_options(conf, list(classes.values()))
    context = PollerContext(
        conf, clock, Credentials(conf.collector.credentials_file)
    )
    return {
        name: plugins.make(
            plugins.POLLERS, name, functools.partial(class_, context)
        )
        for name, class_ in classes.items()
    }


def load_syncers(context: SyncerContext) -> dict[str, Syncer]:
    """Make the syncer plugins that are enabled.

    :raises PluginError: one is not installed, or cannot be loaded or made
    """
    enabled = context.conf.collector.syncers
    classes = plugins.load_classes(plugins.SYNCERS, Syncer, enabled)
    plugins.register_options(context.conf, list(classes.values()))
    return {
        name: plugins.make(
            plugins.SYNCERS, name, functools.partial(class_, context)
        )
        for name, class_ in classes.items()
    }

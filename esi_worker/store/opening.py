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

"""From the configuration to a store that answers."""

from __future__ import annotations

from collections.abc import Callable
import itertools
import time

from oslo_config import cfg
from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base, etcd, etcd_client, keys, opts

LOG = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 16.0
_PROBE = '/'


def open_store(
    conf: cfg.ConfigOpts, clock: clocks.Clock | None = None
) -> etcd.EtcdStore:
    """The store that the group ``[etcd]`` describes.

    Nothing is sent yet. Open it after a fork, never before.

    :raises ConfigurationError: an endpoint or a file cannot be used
    """
    opts.register(conf)
    group = conf.etcd
    tls = etcd_client.Tls(group.ca_cert, group.cert, group.key)
    return etcd.EtcdStore(
        group.endpoints,
        timeout=group.timeout,
        tls=tls,
        username=group.username,
        password=group.password,
        pool_size=group.pool_size,
        clock=clock,
        source=_source(conf),
    )


def _source(conf: cfg.ConfigOpts) -> str:
    """Where the endpoints come from, for whoever has to mend them."""
    found = conf.get_location('endpoints', opts.ETCD_GROUP.name)
    files = getattr(conf, 'config_file', None) or ()
    if found is not None and found.location.is_user_controlled:
        # What oslo.config names is the last file that has the group.
        same = found.detail in files
        having = [name for name in files if same and _has_endpoints(name)]
        return f'[etcd] endpoints in {[found.detail, *having][-1]}'
    if files:
        return f'[etcd] endpoints, which is not set in {", ".join(files)}'
    return '[etcd] endpoints, which is not set, for no configuration was found'


def _has_endpoints(name: str) -> bool:
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(name, sections).parse()
    return 'endpoints' in sections.get('etcd', {})


def key_layout(conf: cfg.ConfigOpts) -> keys.KeyLayout:
    """The key layout that the group ``[keys]`` describes."""
    opts.register(conf)
    # conf.keys is a method, as of every mapping.
    group = conf['keys']
    return keys.KeyLayout(
        config_prefix=group.config_prefix,
        state_prefix=group.state_prefix,
        monitoring_prefix=group.monitoring_prefix,
        jobs_prefix=group.jobs_prefix,
        worker_prefix=group.worker_prefix,
        state_shape=keys.StateShape(group.state_shape),
    )


def wait_for_store(
    store: base.Store,
    timeout: float,
    *,
    probe: str = _PROBE,
    clock: clocks.Clock | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until the store answers.

    :param timeout: seconds after which to give up
    :param probe: a key that the user may read
    :param pause: waits for some seconds; a true result, such as that of
        ``threading.Event.wait``, ends the waiting
    :raises StoreUnavailable: it never did; the message names the store
    :raises StoreAuthError: it refuses the user, which time will not mend
    """
    clock = clock or clocks.SystemClock()
    deadline = clock.monotonic() + timeout
    for attempt in itertools.count():
        try:
            store.get(probe)
            return
        except exceptions.StoreUnavailable as error:
            left = deadline - clock.monotonic()
            problem = f'{store} does not answer: {error}'
            wait = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE, left)
            if wait <= 0:
                raise exceptions.StoreUnavailable(problem) from error
            LOG.warning('Waiting for %s, again in %.0f s', store, wait)
        if pause(wait):
            raise exceptions.StoreUnavailable(problem)

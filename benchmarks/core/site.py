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

"""An esi-worker with the noop handler, and the configs it works on.

Two types are enough: a ``widget`` stands for itself, a ``gadget`` refers
to a widget and waits for its job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from pathlib import Path

from core import processes
from esi_worker import store
from esi_worker.embedded.ours import EsiWorkerProcess

WIDGETS = '/config/v2.0/widgets/'
GADGETS = '/config/v2.0/gadgets/'
WIDGET_STATES = '/state/v2.0/widgets/'
JOBS = '/jobs/'

_TEMPLATES = {
    'widget': {'name': 'Pname'},
    'gadget': {'name': 'Fwidget+widget_id:name'},
}
POST_SIZE = 100


class Site(EsiWorkerProcess):
    """Our processes on an etcd; ``manager_pid`` is the one that leads."""

    def __init__(
        self, run_dir: Path, endpoint: str, workers: int, role: str = 'all'
    ) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        mappings = run_dir / 'template_mappings.json'
        mappings.write_text(
            json.dumps({'noop': {name: f'C{name}' for name in _TEMPLATES}})
        )
        super().__init__(
            run_dir,
            endpoint,
            role=role,
            options={
                'resources': {'template_mappings': mappings},
                'worker': {'processes': workers},
            },
        )

    @property
    def manager_pid(self) -> int:
        assert self.pid is not None
        for pid, title in processes.children(self.pid).items():
            if 'manager' in title:
                return pid
        raise ValueError('there is no manager process')


def prepare(target: store.Store) -> None:
    """Store the templates of our types."""
    post(
        target,
        {
            f'/config/v2.0/heat_templates/{name}': {
                'id': name,
                'handler': 'noop',
                'template_file': '',
                'parameter_mappings': mapping,
            }
            for name, mapping in _TEMPLATES.items()
        },
    )


def widget(name: str, **fields: object) -> dict[str, object]:
    return {'id': name, 'name': name, **fields}


def gadget(name: str, widget_id: str) -> dict[str, object]:
    return {'id': name, 'widget_id': widget_id}


def post_widgets(target: store.Store, names: Iterable[str]) -> None:
    """Ask for widgets, a hundred in a transaction."""
    post(target, {f'{WIDGETS}{name}': widget(name) for name in names})


def post(
    target: store.Store, bodies: Mapping[str, Mapping[str, object]]
) -> None:
    """Write first versions of configs, a hundred in a transaction."""
    puts = [
        store.Put(key, json.dumps({'version': 1, 'body': json.dumps(body)}))
        for key, body in bodies.items()
    ]
    for start in range(0, len(puts), POST_SIZE):
        target.txn([], puts[start : start + POST_SIZE])


def clear(target: store.Store) -> None:
    """Remove what a site has left, but not the templates."""
    for prefix in (WIDGETS, GADGETS, '/state/', JOBS, '/esi-worker/'):
        names = [kv.key for kv in target.range(prefix).items]
        for start in range(0, len(names), POST_SIZE):
            part = names[start : start + POST_SIZE]
            target.txn([], [store.Delete(name) for name in part])

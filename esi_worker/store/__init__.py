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

"""The only code that knows etcd.

``base`` is the interface; ``EtcdStore`` and ``MemoryStore`` implement
it. ``Follower``, ``LeaseKeeper``, ``Election`` and ``commit`` are built
on the interface alone.
"""

from esi_worker.store.base import (
    Compare,
    Delete,
    Event,
    EventType,
    Get,
    KeyValue,
    Lease,
    Operation,
    Put,
    Snapshot,
    Store,
    TxnResult,
    Watch,
    WatchBatch,
)
from esi_worker.store.batching import Committed, Transition, commit
from esi_worker.store.election import Election
from esi_worker.store.etcd import EtcdStore
from esi_worker.store.following import Follower
from esi_worker.store.keys import KeyLayout, StateShape
from esi_worker.store.leasing import LeaseKeeper
from esi_worker.store.memory import MemoryStore
from esi_worker.store.opening import key_layout, open_store, wait_for_store

__all__ = [
    'Committed',
    'Compare',
    'Delete',
    'Election',
    'EtcdStore',
    'Event',
    'EventType',
    'Follower',
    'Get',
    'KeyLayout',
    'KeyValue',
    'Lease',
    'LeaseKeeper',
    'MemoryStore',
    'Operation',
    'Put',
    'Snapshot',
    'StateShape',
    'Store',
    'Transition',
    'TxnResult',
    'Watch',
    'WatchBatch',
    'commit',
    'key_layout',
    'open_store',
    'wait_for_store',
]

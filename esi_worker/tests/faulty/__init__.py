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

"""A proxy of ours that spoils HTTP on purpose, on loopback only.

``proxy`` stands between a client and a real service, keeps an account of
all requests and lets chosen ones suffer; ``faults`` is what they may
suffer, ``weather`` deals faults out by a seed.
"""

from esi_worker.tests.faulty.http import Answer, Exchange, Fault, Request
from esi_worker.tests.faulty.proxy import FaultProxy
from esi_worker.tests.faulty.weather import Weather

__all__ = (
    'Answer',
    'Exchange',
    'Fault',
    'FaultProxy',
    'Request',
    'Weather',
)

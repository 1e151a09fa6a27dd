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

"""esi-worker on real services, shown to a person.

``make demo`` starts etcd, PostgreSQL and Heat, runs esi-worker and a
collector against them, plays the REST server in one of two scenarios and
shows what appears in etcd: the six points of one change of a port, or
the queue of jobs while a load balancer is made and changed. Nothing of it
is needed to operate esi-worker.
"""

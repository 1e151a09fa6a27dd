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

"""The collector: polls monitoring targets and publishes what it sees.

A *target* says what to look at, for which version of which resource. It
is registered over HTTP (``api``) and kept in etcd (``target_store``).
Its *type* (``target_types``) names the *poller*, which asks a backend,
and the *syncers*, which publish the results elsewhere. ``scheduling``
decides when to poll, ``polling`` does it, ``reporting`` hands the
results on. ``monitoring`` holds all of it together.

It follows the reference of monitoring, sections 2 to 6 and 10.
"""

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

"""The mapping language: from a resource's config to job parameters.

Expressions are parsed once into a tree and evaluated many times. They
read configs and nothing else; what a parameter means to a handler is
the handler's business. The language is sections 3 and 4 of the
reference of the mapping language.
"""

from esi_worker.mapping.expressions import Expression
from esi_worker.mapping.parameters import (
    Choice,
    Evaluation,
    ParameterMappings,
    parse,
    with_previous,
)
from esi_worker.mapping.references import ReferenceList
from esi_worker.mapping.scope import Bodies

__all__ = (
    'Bodies',
    'Choice',
    'Evaluation',
    'Expression',
    'ParameterMappings',
    'ReferenceList',
    'parse',
    'with_previous',
)

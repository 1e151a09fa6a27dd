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

"""How long ago Heat has accepted something, by its own clock.

Heat dates its answers, and it dates what it accepts; only the difference
of the two is used, so it does not matter how our clock goes. Where Heat's
API and its engine run on several machines their clocks have to agree, as
Heat itself needs it.
"""

from __future__ import annotations

import datetime
from email import utils as mail


def age(accepted_at: str, answered_at: str) -> float | None:
    """Seconds from an acceptance to an answer, never negative.

    :param accepted_at: such as ``2026-11-26T10:46:00Z``, as Heat writes it
    :param answered_at: the header ``Date`` of the answer
    :returns: None if one of the two is no such time
    """
    try:
        accepted = _utc(datetime.datetime.fromisoformat(accepted_at))
        answered = _utc(mail.parsedate_to_datetime(answered_at))
    except ValueError:
        return None
    return max(0.0, (answered - accepted).total_seconds())


def _utc(time: datetime.datetime) -> datetime.datetime:
    """Heat means UTC where it names no zone."""
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)

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

"""Election of one leader among processes.

The leader is whoever created the election key; the key hangs on the
leader's lease. What a leader writes compares the revision of the key
(the ``fence``), so a leader that lost its lease without noticing writes
nothing. Who ends revokes the lease, and the key is free at once. A
leader that begins anew in its office writes the key anew: then nothing
that it gave up before can be applied late.
"""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.store import base


class Election:
    """One candidate; threads must not share it while it campaigns."""

    def __init__(
        self, store: base.Store, key: str, identity: str, lease: base.Lease
    ) -> None:
        """Prepare to campaign.

        :param identity: the value of the key, different for every
            candidate
        :param lease: the candidate's lease, kept alive by others
        """
        self._store = store
        self._key = key
        self._identity = identity
        self._lease = lease
        self._revision: int | None = None
        self._fenced_at = 0

    def campaign(self) -> bool:
        """Try to become the leader; a leader asks whether it still is.

        An attempt whose answer was lost is settled by reading the key,
        now or in the next campaign.

        :raises LeaseLost: this candidate can never win
        :raises StoreUnavailable: nothing is known
        """
        try:
            result = self._store.txn(
                [base.Compare.missing(self._key)],
                [base.Put(self._key, self._identity, self._lease.id)],
                [base.Get(self._key)],
            )
        except exceptions.StoreTimeout:
            holder = self._store.get(self._key)
        else:
            if result.succeeded:
                self._revision = self._fenced_at = result.revision
                return True
            holder = result.values.get(self._key)
        return self._settle(holder)

    @property
    def revision(self) -> int | None:
        """The create revision of our key, None when we did not win."""
        return self._revision

    @property
    def fence(self) -> base.Compare:
        """The condition for everything that a leader writes.

        :raises FenceLost: we did not win the last campaign
        """
        if self._revision is None:
            raise exceptions.FenceLost(f'{self._key} is not ours')
        return base.Compare.modified_at(self._key, self._fenced_at)

    def renew_fence(self) -> None:
        """Shut out whatever was written with the fence until now.

        :raises FenceLost: the key is not ours any more
        :raises StoreUnavailable: nothing is known; try again
        """
        holder = self._store.get(self._key)
        if not self._settle(holder):
            raise exceptions.FenceLost(f'{self._key} is not ours any more')
        result = self._store.txn(
            [self.fence],
            [base.Put(self._key, self._identity, self._lease.id)],
        )
        if not result.succeeded:
            raise exceptions.StoreUnavailable(
                f'{self._key} has changed meanwhile'
            )
        self._fenced_at = result.revision

    def _settle(self, holder: base.KeyValue | None) -> bool:
        # The lease tells us from an earlier life with the same identity.
        ours = (
            holder is not None
            and holder.value == self._identity
            and holder.lease == self._lease.id
        )
        self._revision = holder.create_revision if holder and ours else None
        self._fenced_at = holder.mod_revision if holder and ours else 0
        return ours

"""What every service needs: the database, the deployment, the operator, the time."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.db import Database
from backend.limits import Limits
from backend.relay.signer import Signer
from backend.settings import Settings
from indexer.models import Checkpoint
from labelshare.chain import Deployment
from labelshare.chain.rpc import Rpc
from labelshare.rules import eip712

NODE_PATIENCE = 5.0  # seconds that a request waits for the node


@dataclass(frozen=True)
class Backend:
    """One per process. `rpc` is asked about contract wallets, and on development chains for gas; everything else is mirrored."""

    settings: Settings
    deployment: Deployment
    database: Database
    operator: Signer

    @cached_property
    def rpc(self) -> Rpc:
        return Rpc(self.settings.rpc_url, NODE_PATIENCE)

    @cached_property
    def limits(self) -> Limits:
        """How often somebody may ask this process."""
        return Limits(self.settings.rate_per_address, self.settings.rate_per_account)

    def domain(self, contract: str) -> eip712.Domain:
        """The EIP-712 domain of a contract of our deployment, by name."""
        return eip712.Domain(self.deployment.chain_id, self.deployment.address(contract))

    def now(self, session: Session) -> int:
        """Unix seconds: the later of this machine's clock and the last mirrored block."""
        mirrored = session.scalar(select(Checkpoint.timestamp))
        return max(int(time.time()), mirrored or 0)


async def get_backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Injected = Annotated[Backend, Depends(get_backend)]

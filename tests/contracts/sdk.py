"""A deployment of the contract tests as the SDK sees it, through the same node."""

from typing import Any

from brownie import chain, web3

from labelshare.chain import Deployment
from labelshare.chain.rpc import Rpc
from labelshare.client.chain import Chain
from scripts.deploy import Deployed
from scripts.deploy_plan import CONTRACTS


def sdk(deployment: Deployed, treasury: Any) -> Chain:
    contracts = {name: contract.address.lower() for name, contract in zip(CONTRACTS, deployment, strict=True)}
    return Chain(Rpc(web3.provider.endpoint_uri), Deployment(chain.id, 0, contracts, treasury.address.lower()))

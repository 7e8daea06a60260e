"""A requester: create a dataset, fund its escrow, open rounds, take back what is free."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

from labelshare.chain.events import DatasetRegistryDatasetCreated
from labelshare.chain.naming import user_account
from labelshare.client.api import Api, ApiError, wait_for
from labelshare.client.chain import Chain, to_log
from labelshare.client.wallet import Wallet
from labelshare.rules.history import RULE_ID

ZERO = "0x" + "0" * 64


@dataclass(frozen=True)
class DatasetTerms:
    """What a requester decides; amounts in LBL base units, times in seconds, rates in basis points (audit rate of 256)."""

    operator: str
    classes: int
    reward: int
    audit_fee: int
    bond: int
    license_floor: int
    metadata_uri: str
    metadata_hash: str
    audit_rate: int = 26
    panel_size: int = 3
    min_labels: int = 3
    max_labels: int = 9
    open_bond: int | None = None
    commit_window: int = 24 * 3600
    reveal_window: int = 24 * 3600
    challenge_window: int = 3 * 24 * 3600
    exit_delay: int = 7 * 24 * 3600
    exit_rate: int = 5_000
    label_cap: int = 10_000_000
    license_term: int = 365 * 24 * 3600
    contributors_bps: int = 8_000
    validators_bps: int = 1_000
    requester_bps: int = 1_000
    contributor_credential: str = ZERO
    validator_credential: str = ZERO

    def struct(self, requester: str, protocol_fee_bps: int) -> list[Any]:
        """IDatasetRegistry.Terms, in member order. `protocol_fee_bps`: what Parameters says now, or the chain refuses the terms."""
        return [
            requester,
            self.operator,
            self.classes,
            self.panel_size,
            self.audit_rate,
            self.min_labels,
            self.max_labels,
            self.reward,
            self.audit_fee,
            self.bond,
            self.reward if self.open_bond is None else self.open_bond,
            self.commit_window,
            self.reveal_window,
            self.challenge_window,
            self.exit_delay,
            self.exit_rate,
            self.label_cap,
            self.contributor_credential,
            self.validator_credential,
            RULE_ID,
            self.license_floor,
            self.license_term,
            self.contributors_bps,
            self.validators_bps,
            self.requester_bps,
            protocol_fee_bps,
            self.metadata_hash,
            self.metadata_uri,
        ]


class Requester:
    """A requester with a wallet that has gas and LBL."""

    def __init__(self, chain: Chain, wallet: Wallet) -> None:
        self.chain = chain
        self.wallet = wallet

    def create(self, terms: DatasetTerms) -> int:
        """Creates a dataset on chain; its id."""
        fee_bps = self.chain.read("Parameters", "feeBps")
        receipt = self.chain.send(self.wallet, "DatasetRegistry", "create", terms.struct(self.wallet.address, fee_bps))
        created = next(raw for raw in receipt["logs"] if raw["topics"][0] == DatasetRegistryDatasetCreated.TOPIC)
        return int(to_log(created).topics[1], 16)

    def unopened(self, terms: DatasetTerms) -> int | None:
        """This wallet's newest dataset of exactly these terms that never had a round: work broken off goes on there. Else None."""
        wanted = _comparable(terms.struct(self.wallet.address, self.chain.read("Parameters", "feeBps")))
        mine = list(self.chain.events(DatasetRegistryDatasetCreated, None, user_account(self.wallet.address)))
        for _, created in reversed(mine):
            same = _comparable(astuple(created.terms)) == wanted
            if same and not self.chain.read("LabelRegistry", "currentRound", created.dataset):
                return created.dataset
        return None

    def missing(self, dataset: int, needed: int) -> int:
        """LBL base units that the escrow of a dataset lacks of `needed`."""
        escrow = self.chain.read("DatasetRegistry", "escrowAccountOf", dataset)
        return max(0, needed - int(self.chain.read("Ledger", "balanceOf", escrow)))

    def fund(self, dataset: int, amount: int) -> None:
        """Moves LBL base units from the wallet into the dataset's escrow."""
        escrow = "0x" + self.chain.read("DatasetRegistry", "escrowAccountOf", dataset).hex()
        deposit(self.chain, self.wallet, amount, escrow)

    def open_round(
        self,
        api: Api,
        dataset: int,
        tasks: list[Any],
        label_budget: int,
        labels_per_task: int,
        deadline: int,
        last: bool,
        adaptive: bool = True,
    ) -> int:
        """Hands the tasks to the operator and waits until the round is open; its number. `adaptive`: a task whose consensus is sure
        gets no more labels than the dataset's minimum."""
        return self._open(
            api,
            dataset,
            {
                "tasks": tasks,
                "label_budget": label_budget,
                "labels_per_task": labels_per_task,
                "adaptive": adaptive,
                "deadline": deadline,
                "last": last,
            },
        )

    def open_uploaded(
        self,
        api: Api,
        dataset: int,
        upload_id: str,
        label_budget: int,
        labels_per_task: int,
        deadline: int,
        last: bool = False,
        adaptive: bool = False,
    ) -> int:
        """Opens a round of the tasks of an upload (Api.upload), and waits until it is open; its number."""
        return self._open(
            api,
            dataset,
            {
                "upload_id": upload_id,
                "label_budget": label_budget,
                "labels_per_task": labels_per_task,
                "adaptive": adaptive,
                "deadline": deadline,
                "last": last,
            },
        )

    def _open(self, api: Api, dataset: int, body: dict[str, Any]) -> int:
        def known() -> bool | None:
            try:
                return api.get(f"/datasets/{dataset}") is not None
            except ApiError as error:
                if error.code != "unknown_dataset":
                    raise
                return None

        wait_for(f"dataset {dataset} to be mirrored", known)
        draft = api.post(f"/datasets/{dataset}/rounds", body, self.wallet.access(api, "open-round", dataset))

        def opened() -> int | None:
            state = api.get(f"/drafts/{draft['draft_id']}")
            if state["error"]:
                raise ApiError(409, "round_not_opened", f"The round could not be opened: {state['error']}.")
            number: int | None = state["round"]
            return number

        return wait_for(f"a round of dataset {dataset} to open", opened)


def _comparable(struct: Iterable[Any]) -> list[Any]:
    """Terms without the case of addresses and hashes."""
    return [value.lower() if isinstance(value, str) else value for value in struct]


def deposit(chain: Chain, wallet: Wallet, amount: int, account: str | None = None) -> None:
    """Moves LBL base units from a wallet to a Ledger account (the wallet's own unless given)."""
    chain.send(wallet, "LabelToken", "approve", chain.address("Ledger"), amount)
    chain.send(wallet, "Ledger", "deposit", account or user_account(wallet.address), amount)

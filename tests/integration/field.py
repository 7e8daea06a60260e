"""A dataset with an open round on a real chain, and contributors who sign submissions for it."""

from typing import Any

from labelshare.chain.events import LabelRegistrySubmissionAccepted, LabelRegistrySubmissionSkipped
from labelshare.client.chain import Chain, topic
from labelshare.client.requester import DatasetTerms
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from tests.integration.anvil import LBL, Protocol

TASKS = 100_000
PER_TASK = 9
BUDGET = TASKS * PER_TASK
SECONDS = 20 * 24 * 3600

class Field:
    """`operator`: whose relayed submissions the round takes. Bonds are 0, so that nobody needs any tokens. `seconds`: until the
    round's deadline; `changes` of the terms."""

    def __init__(self, protocol: Protocol, operator: str, seconds: int = SECONDS, **changes: Any) -> None:
        self.protocol, self.operator = protocol, protocol.web3.to_checksum_address(operator)
        self.requester = protocol.accounts[2]
        for owner in protocol.accounts[3:6]:
            if protocol.call("Staking", "poolSize", bytes(32))[1] < 3:
                self._stake(owner)
        protocol.send("LabelToken", "transfer", self.requester, 10_000 * LBL, sender=protocol.treasury)
        protocol.send("LabelToken", "approve", protocol.addresses["Ledger"], 10_000 * LBL, sender=self.requester)
        options: dict[str, Any] = {"audit_rate": 1, "min_labels": 1, "max_labels": PER_TASK} | changes
        terms = DatasetTerms(self.operator, 3, 10, 10, 0, 0, "ipfs://x", "0x" + "00" * 32, **options)
        struct = terms.struct(self.requester, protocol.call("Parameters", "feeBps"))
        protocol.send("DatasetRegistry", "create", struct, sender=self.requester)
        self.dataset = protocol.call("DatasetRegistry", "datasetCount")
        escrow = protocol.call("DatasetRegistry", "escrowAccountOf", self.dataset)
        protocol.send("Ledger", "deposit", escrow, 100 * LBL, sender=self.requester)
        now = protocol.web3.eth.get_block("latest")["timestamp"]
        self.deadline = now + seconds
        arguments = (self.dataset, b"\x01" * 32, TASKS, BUDGET, self.deadline, False)
        protocol.send("LabelRegistry", "openRound", *arguments, sender=self.requester)
        self.round = protocol.call("LabelRegistry", "roundCount")
        self.domain = eip712.Domain(protocol.web3.eth.chain_id, protocol.addresses["LabelRegistry"].lower())
        self._next: dict[str, int] = {}

    def _stake(self, owner: str) -> None:
        send = self.protocol.send
        send("Faucet", "drip", owner, True, sender=owner)
        send("Ledger", "allow", self.protocol.addresses["Staking"], 500 * LBL, sender=owner)
        send("Staking", "join", bytes(32), 3, sender=owner)

    def submission(self, who: Wallet, **changes: Any) -> tuple[str, list[Any]]:
        """(key, item) of the outbox for a contributor's next submission of one label; `changes` of the message's fields."""
        sequence = self._next.get(who.address, 0)
        self._next[who.address] = sequence + 1
        fields = {
            "round": self.round,
            "contributor": who.address,
            "sequence": sequence,
            "count": 1,
            "labels_root": sequence.to_bytes(31, "big") + b"\x01",
            "admission": 1,
            "deadline": self.deadline,
        } | changes
        message = eip712.Submission(**fields)
        root = "0x" + message.labels_root.hex()
        values = [message.round, message.contributor, message.sequence, message.count, root, message.admission, message.deadline]
        return f"submission:0x{message.digest(self.domain).hex()}", [values, who.sign(message, self.domain), "0x"]

    def accepted(self, chain: Chain) -> list[tuple[str, int]]:
        """(contributor, sequence) of each accepted submission of the round, in the chain's order."""
        return [(event.contributor, event.sequence) for event in chain.submissions(self.round)]

    def accepted_of(self, chain: Chain, who: str) -> list[int]:
        """The sequence numbers of a contributor's accepted submissions, in the chain's order."""
        found = chain.events(LabelRegistrySubmissionAccepted, topic(self.round), topic(int(who, 16)))
        return [event.sequence for _, event in found]

    def skipped(self, chain: Chain) -> list[tuple[str, int, int]]:
        """(contributor, sequence, reason) of each submission that the chain passed over."""
        found = chain.events(LabelRegistrySubmissionSkipped, topic(self.round))
        return [(event.contributor, event.sequence, event.reason) for _, event in found]

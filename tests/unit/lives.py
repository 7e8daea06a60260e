"""Histories of one dataset as the contracts would log them: block by block, for the mirror's tests."""

from labelshare.chain import events as e
from labelshare.chain.events import Credit, Entry, Event, Terms, Totals
from tests.unit.logs import address, word

ALICE, BOB, KEY, REQUESTER, OPERATOR = (address(n) for n in range(1, 6))
HUGE = 2**256 - 1
TERMS = Terms(
    requester=REQUESTER,
    operator=OPERATOR,
    classes=2,
    panel_size=3,
    audit_rate=26,
    min_labels=3,
    max_labels=9,
    reward=10**18,
    audit_fee=10**18,
    bond=10**17,
    open_bond=10**18,
    commit_window=10,
    reveal_window=10,
    challenge_window=10,
    exit_delay=10,
    exit_rate=5_000,
    label_cap=1_000,
    contributor_credential=word(0),
    validator_credential=word(0),
    rule_id=word(1),
    license_floor=7,
    license_term=100,
    contributors_bps=8_000,
    validators_bps=1_000,
    requester_bps=1_000,
    protocol_fee_bps=250,
    metadata_hash=word(2),
    metadata_uri="ipfs://x",
)
TOTALS = Totals(2, 5, 0, 1, 50, 0, 0, 0, 0)
ENTRIES = (Entry(0, ALICE, 5, 1, 50, 0), Entry(2, REQUESTER, 0, 0, 5, 0))

LIFE: list[list[Event]] = [
    [e.LedgerDeposited(word(1), ALICE, 100), e.LedgerDeposited(word(2), BOB, 50)],
    [
        e.LedgerAllowed(ALICE, BOB, 30),
        e.LedgerAllowanceSigned(ALICE, BOB, 0),
        e.DatasetRegistryDatasetCreated(1, REQUESTER, OPERATOR, TERMS),
        e.DatasetRegistryEscrowReserved(1, 60, 60),
        e.LabelRegistryRoundOpened(1, 1, word(3), 10, 20, 2, 2**64 - 1, True, 60),
    ],
    [
        e.StakingSeatJoined(word(0), 0, BOB, 4),
        e.StakingSeatJoined(word(0), 1, BOB, 4),
        e.LabelRegistrySessionRegistered(ALICE, KEY, 2**64 - 1, 2**64 - 1, 40),
        e.LabelRegistrySubmissionAccepted(1, ALICE, 0, 10, word(4), KEY, 1, 15),
        e.LabelRegistrySubmissionAccepted(1, ALICE, 1, 5, word(5), ALICE, 1, 7),
        e.LabelRegistrySubmissionSkipped(HUGE, ALICE, 2, 1),
    ],
    [e.LabelRegistryRoundClosed(1, 1, 15), e.AuditBoardAuditStarted(1, 0, 6, 4, 2)],
    [e.AuditBoardSeedMissed(1, 0, 1, 300, 5, 2), e.AuditBoardPanelDrawn(1, 0, word(6), (BOB,), (2,), 20)],
    [e.AuditBoardBallotCommitted(1, BOB, 0, word(7)), e.AuditBoardRevealOpened(1, 0, 40)],
    [e.AuditBoardBallotRevealed(1, BOB, 0, 2, "0x0001", word(8)), e.AuditBoardAuditConcluded(1, 0, 2, 4)],
    [e.SettlementSettlementProposed(1, 1, BOB, word(9), 1, 12, TOTALS)],
    [e.SettlementChunkPublished(1, 0, word(10), ENTRIES), e.SettlementChallengeWindowOpened(1, 99)],
    [
        e.SettlementSettlementFinalized(1, 1, 5, 0, 55),
        e.DatasetRegistryEscrowSettled(1, 5, 55, 0),
        e.DatasetSharesSharesFinalized(1, 1, 55, 55, 0),
    ],
    [
        e.SettlementChunkPaid(1, 0),
        e.LabelRegistryContributorsSettled(1, (ALICE,), 1),
        e.LabelRegistryBondsReleased(1, (ALICE, BOB), (6, 0)),
        e.LedgerMovedBatch(word(1), (Credit(word(2), 10), Credit(word(3), 20))),
        e.DatasetSharesTransferSingle(BOB, address(0), ALICE, 1, 50),
        e.SettlementSettlementDistributed(1, 1),
        e.LabelRegistryRoundSettled(1, 1),
    ],
    [
        e.DatasetMarketPriceSet(1, 9),
        e.DatasetMarketLicenseSold(1, BOB, ALICE, 9, 1, 500, 1),
        e.DatasetSharesRevenueAdded(1, 8, 2**70),
        e.DatasetSharesTransferSingle(ALICE, ALICE, BOB, 1, 20),
        e.DatasetSharesTransferSingle(KEY, KEY, BOB, HUGE, 0),
        e.DatasetSharesRevenuePaid(1, ALICE, 4),
    ],
    [e.StakingSeatLeft(word(0), 0, BOB, 900, False), e.LabelRegistrySessionRevoked(ALICE, KEY)],
    [e.StakingSeatLeft(word(0), 0, BOB, 900, True), e.StakingSeatCollected(word(0), 0, BOB, 0)],
]

STUCK: list[list[Event]] = [
    *LIFE[:7],
    [e.SettlementSettlementProposed(1, 1, BOB, word(9), 2, 12, TOTALS), e.SettlementChunkPublished(1, 0, word(10), ENTRIES)],
    [e.SettlementProposalExpired(1, BOB, 12)],
    [e.SettlementSettlementProposed(1, 1, ALICE, word(11), 1, 12, TOTALS), e.SettlementChunkPublished(1, 0, word(12), ENTRIES[:1])],
    [e.SettlementProposalExpired(1, ALICE, 12), e.SettlementExitStarted(1, 1, 2, 1, 30, 32, 28)],
    [e.SettlementExited(1, 0, ALICE, 15, 30, 450), e.LabelRegistryContributorsSettled(1, (ALICE,), 0)],
    [e.SettlementExited(1, 1, BOB, 2, 2, 0), e.SettlementSettlementDistributed(1, 1), e.LabelRegistryRoundSettled(1, 1)],
]

ROOTS = tuple("0x" + f"{n:02x}" * 32 for n in (0xA1, 0xA2))
NOTHING = Totals(1, 0, 0, 0, 0, 0, 0, 15, 4)

DISPUTED: list[list[Event]] = [
    *LIFE[:9],
    [
        e.SettlementSettlementSuspended(1, ROOTS[0]),
        e.JuryChallenged(1, 1, KEY, 30, ROOTS[0]),
        e.JuryJuryCalled(1, 1, 14, 10, 2),
    ],
    [e.JurySeedMissed(1, 1, 1, 300, 296, 3)],
    [e.JuryJuryDrawn(1, 1, word(20), (ALICE, KEY), (3, 4), 50)],
    [
        e.JuryBallotCommitted(1, ALICE, 1, word(21)),
        e.JuryBallotCommitted(1, KEY, 1, word(22)),
        e.JuryRevealOpened(1, 1, 55),
        e.JuryVerdictRevealed(1, ALICE, 1, 3, ROOTS[1], word(23)),
    ],
    [e.JuryValidatorSilent(1, KEY, 1, 9), e.JuryJuryCalled(1, 2, 20, 16, 3)],
    [e.JuryJuryDrawn(1, 2, word(24), (ALICE, KEY), (6, 7), 80), e.JuryRevealOpened(1, 2, 90)],
    [
        e.JuryVerdictRevealed(1, ALICE, 2, 6, ROOTS[0], word(25)),
        e.JuryVerdictRevealed(1, KEY, 2, 7, ROOTS[1], word(26)),
        e.JuryJurorDissented(1, ALICE, 2, 5),
        e.JuryDisputeDecided(1, 1, 1, ROOTS[1]),
        e.SettlementSettlementOverturned(1, BOB, 12, ROOTS[1]),
        e.JuryBondSplit(1, KEY, 3, 6, 3),
    ],
    [
        e.SettlementSettlementProposed(1, 1, ALICE, word(9), 1, 24, NOTHING),
        e.SettlementChunkPublished(1, 0, word(10), (Entry(0, ALICE, 0, 0, 0, 15), Entry(1, BOB, 0, 0, 0, 4))),
        e.SettlementChallengeWindowOpened(1, 199),
    ],
    [
        e.SettlementSettlementSuspended(1, ROOTS[1]),
        e.JuryChallenged(1, 2, BOB, 60, ROOTS[1]),
        e.JuryJuryCalled(1, 3, 30, 26, 3),
        e.JuryJuryDrawn(1, 3, word(27), (KEY,), (7,), 130),
        e.JuryDisputeDecided(1, 2, 0, ROOTS[1]),
        e.SettlementSettlementUpheld(1, 299),
        e.JuryBondSplit(1, ALICE, 15, 30, 15),
    ],
    [e.SettlementSettlementFinalized(1, 1, 0, 19, 41)],
]

HUNG: list[list[Event]] = [
    *DISPUTED[:11],
    [
        e.JurySeedMissed(1, 1, 3, 900, 296, 3),
        e.JuryDisputeDecided(1, 1, 2, word(0)),
        e.SettlementSettlementHung(1, BOB, 12),
    ],
]

# Alice tickets 10 labels; on the open path Bob's 4 count and Key's 5 are void.
OPEN: list[list[Event]] = [
    *LIFE[:2],
    [
        e.LabelRegistrySubmissionAccepted(1, ALICE, 0, 10, word(4), ALICE, 1, 15),
        e.LabelRegistrySubmissionAccepted(1, BOB, 0, 4, word(5), BOB, 2, 40),
        e.LabelRegistrySubmissionAccepted(1, KEY, 0, 5, word(6), KEY, 2, 50),
    ],
    [e.LabelRegistryRoundClosed(1, 1, 19), e.AuditBoardAuditStarted(1, 0, 6, 4, 2)],
    [e.AuditBoardPanelDrawn(1, 0, word(6), (OPERATOR, REQUESTER), (1, 2), 20), e.AuditBoardRevealOpened(1, 0, 40)],
    [
        e.AuditBoardBallotRevealed(1, REQUESTER, 0, 2, "0x0001", word(8)),
        e.AuditBoardOpenAttested(1, REQUESTER, 0, 2**128 - 3),
    ],
    [
        e.AuditBoardValidatorSilent(1, OPERATOR, 0, 7),
        e.LabelRegistryOpenResolved(1, BOB, 4, True),
        e.LabelRegistryOpenResolved(1, KEY, 5, False),
        e.AuditBoardAuditConcluded(1, 0, 2, 4),
    ],
    [
        e.LabelRegistryContributorsSettled(1, (ALICE, BOB), 2),
        e.AuditBoardValidatorSettled(1, REQUESTER, 4),
    ],
]

POOL = word(77)
GOVERNED: list[list[Event]] = [
    [e.ParametersFeeSet(250), e.ParametersMinWindowSet(3600)],
    [e.CredentialsAttested(POOL, ALICE, REQUESTER, "medicine", 2**40), e.CredentialsAttested(POOL, BOB, REQUESTER, "medicine", 9)],
    [e.StakingSeatJoined(POOL, 0, ALICE, 4), e.StakingSeatJoined(POOL, 1, ALICE, 4), e.ParametersPaused(2, OPERATOR)],
    [e.CredentialsRevoked(POOL, ALICE), e.CredentialsAttested(POOL, BOB, REQUESTER, "medicine", 99), e.ParametersFeeSet(300)],
    [e.StakingExpelled(POOL, ALICE, (1,)), e.StakingSeatLeft(POOL, 1, ALICE, 700, False), e.ParametersResumed(2, OPERATOR)],
]

# A round whose work waits, then, after the wait, a closing round that decides it.
CLOSED: list[list[Event]] = [
    *LIFE[:7],
    [
        e.SettlementSettlementProposed(1, 1, BOB, word(9), 1, 12, NOTHING),
        e.SettlementSettlementFinalized(1, 1, 0, 19, 41),
        e.SettlementSettlementDistributed(1, 1),
        e.LabelRegistryRoundSettled(1, 1),
    ],
    [
        e.LabelRegistryRoundOpened(2, 1, word(0), 0, 0, 0, 0, True, 0),
        e.LabelRegistryRoundClosed(2, 1, 0),
        e.AuditBoardAuditConcluded(2, 0, 0, 4),
    ],
    [e.SettlementExitStarted(2, 1, 2, 1, 30, 32, 28)],
]

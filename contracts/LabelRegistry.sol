// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Rounds} from "./Rounds.sol";
import {ICredentials} from "./interfaces/ICredentials.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IParameters} from "./interfaces/IParameters.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title LabelRegistry
/// @notice Who may sign, what is submitted, and what of it no settlement has decided.
/// @dev Bonds of ticketed labels go straight to the Settlement's account of the dataset, which alone returns or slashes them; what is not
/// slashed stays there for the contributor's next labels, until somebody releases it (specification R13). Bonds of open labels wait on the
/// sub-account bytes32(round) for the panel's word.
contract LabelRegistry is Rounds, EIP712 {
    /// @inheritdoc ILabelRegistry
    uint32 public constant MAX_COUNT = 1_024;
    /// @inheritdoc ILabelRegistry
    uint256 public constant MAX_BATCH = 30;
    /// @inheritdoc ILabelRegistry
    uint256 public constant MAX_OPEN = 128;
    uint256 private constant BUDGETS_PER_OPEN_BUDGET = 5;
    uint256 private constant OPEN_ADDRESSES = 4;
    uint8 private constant TICKETED = 1;
    uint8 private constant OPEN = 2;

    ILedger private immutable LEDGER;
    ICredentials private immutable CREDENTIALS;

    struct SessionState {
        uint64 expiry;
        uint64 dataset;
        uint96 bondLeft;
        bool revoked;
    }

    /// @inheritdoc ILabelRegistry
    mapping(uint256 dataset => uint256) public pendingContributors;
    /// @dev Labels pending at the open bond.
    mapping(uint256 dataset => uint256) private _pendingOpen;
    mapping(uint256 round => OpenSubmission[]) private _open;
    /// @dev As last written: read by `_contributor`, which knows what was decided since.
    mapping(uint256 dataset => mapping(address contributor => Contributor)) private _contributors;
    /// @inheritdoc ILabelRegistry
    mapping(address contributor => mapping(address key => SessionState)) public sessionOf;

    constructor(Protocol memory protocol) Rounds(protocol) EIP712("Labelshare", "1") {
        LEDGER = ILedger(protocol.ledger);
        CREDENTIALS = ICredentials(protocol.credentials);
    }

    // Sessions

    /// @inheritdoc ILabelRegistry
    function registerSessions(SignedSession[] calldata items) external {
        _requireFew(items.length);
        for (uint256 i; i < items.length; ++i) {
            Session calldata s = items[i].session;
            bool valid = sessionOf[s.contributor][s.key].expiry == 0 && !sessionOf[s.contributor][s.key].revoked
                && s.key != address(0) && s.expiry > block.timestamp && s.dataset <= type(uint64).max
                && s.maxBond <= type(uint96).max
                && Signatures.isBy(s.contributor, _hashTypedDataV4(Typed.session(s)), items[i].signature);
            if (!valid) {
                emit SessionSkipped(s.contributor, s.key);
                continue;
            }
            sessionOf[s.contributor][s.key] =
                SessionState({expiry: s.expiry, dataset: uint64(s.dataset), bondLeft: uint96(s.maxBond), revoked: false});
            emit SessionRegistered(s.contributor, s.key, s.dataset, s.expiry, s.maxBond);
        }
    }

    /// @inheritdoc ILabelRegistry
    function revokeSession(address key) external {
        sessionOf[msg.sender][key].revoked = true;
        emit SessionRevoked(msg.sender, key);
    }

    // Submissions

    /// @inheritdoc ILabelRegistry
    function submit(SignedSubmission[] calldata items) external {
        PARAMETERS.requireFlowing(IParameters.Inflow.Submissions);
        _requireFew(items.length);
        for (uint256 i; i < items.length; ++i) {
            Submission calldata s = items[i].submission;
            SkipReason reason = _accept(items[i]);
            if (reason != SkipReason.None) emit SubmissionSkipped(s.round, s.contributor, s.sequence, reason);
        }
    }

    /// @inheritdoc ILabelRegistry
    function resolveOpen(uint256 round, uint256 attested) external {
        if (msg.sender != address(AUDIT_BOARD)) revert OnlyProtocol(msg.sender, address(AUDIT_BOARD));
        OpenSubmission[] memory open = _open[round];
        Round storage r = _rounds[round];
        (uint256 dataset, uint256 openBond) = (r.dataset, r.openBond);
        ILedger.Credit[] memory credits = new ILedger.Credit[](open.length + 1);
        uint256 counted;
        for (uint256 i; i < open.length; ++i) {
            // Written when the submission was accepted, in this round: nothing was decided since.
            (address contributor, uint32 count) = (open[i].contributor, open[i].count);
            bool counts = attested >> i & 1 == 1;
            if (counts) {
                Contributor storage c = _contributors[dataset][contributor];
                if (c.pending == 0) ++pendingContributors[dataset];
                (c.labels, c.pending, c.pendingOpen) = (c.labels + count, c.pending + count, c.pendingOpen + count);
                counted += count;
            } else {
                r.labels -= count;
                _acceptedLabels[dataset] -= count;
            }
            credits[i] = ILedger.Credit(Accounts.user(contributor), counts ? 0 : count * openBond);
            emit OpenResolved(round, contributor, count, counts);
        }
        _pendingOpen[dataset] += counted;
        credits[open.length] = ILedger.Credit(Accounts.sub(SETTLEMENT, dataset), counted * openBond);
        LEDGER.moveBatch(bytes32(round), credits);
    }

    // Decided labels and their bonds

    /// @inheritdoc ILabelRegistry
    function settleContributors(uint256 dataset, address[] calldata contributors, uint256 kept)
        external
        onlySettlement
        returns (uint256[] memory bonds)
    {
        bonds = new uint256[](contributors.length);
        // After the last round there are no next labels.
        if (_finished[dataset]) kept = 0;
        (uint256 bond, uint256 openBond) = _bondsOf(dataset);
        uint256 open = _pendingOpen[dataset];
        uint256 returned;
        for (uint256 i; i < contributors.length; ++i) {
            bool keeps = kept >> i & 1 == 1;
            // Nothing returns to them: their labels are decided as the round is settled, without a word written.
            if (keeps && open == 0) continue;
            Contributor storage c = _contributors[dataset][contributors[i]];
            (uint32 pendingOpen, uint32 covered) = (c.pendingOpen, c.covered);
            returned += pendingOpen;
            bonds[i] = pendingOpen * openBond + (keeps ? 0 : covered * bond);
            (c.pending, c.pendingOpen, c.covered) = (0, 0, keeps ? covered : 0);
        }
        if (returned != 0) _pendingOpen[dataset] = open - returned;
        pendingContributors[dataset] -= contributors.length;
        emit ContributorsSettled(dataset, contributors, kept);
    }

    /// @inheritdoc ILabelRegistry
    function exitContributors(uint256 dataset, address[] calldata contributors)
        external
        onlySettlement
        returns (uint32[] memory labels, uint256[] memory bonds)
    {
        (labels, bonds) = (new uint32[](contributors.length), new uint256[](contributors.length));
        (uint256 bond, uint256 openBond) = _bondsOf(dataset);
        for (uint256 i; i < contributors.length; ++i) {
            Contributor memory c = _contributor(dataset, contributors[i]);
            if (c.pending == 0) continue;
            (labels[i], bonds[i]) = (c.pending, c.pendingOpen * openBond + c.covered * bond);
            Contributor storage kept = _contributors[dataset][contributors[i]];
            (kept.pending, kept.pendingOpen, kept.covered) = (0, 0, 0);
            _pendingOpen[dataset] -= c.pendingOpen;
            --pendingContributors[dataset];
        }
        emit ContributorsSettled(dataset, contributors, 0);
    }

    /// @inheritdoc ILabelRegistry
    function keepWaiting(uint256 dataset, address[] calldata contributors) external onlySettlement {
        uint48 next = uint48(currentRound[dataset] + 1);
        for (uint256 i; i < contributors.length; ++i) {
            _contributors[dataset][contributors[i]].round = next;
        }
    }

    /// @inheritdoc ILabelRegistry
    function releaseBonds(uint256 dataset, address[] calldata contributors)
        external
        onlySettlement
        returns (uint256[] memory bonds)
    {
        bonds = new uint256[](contributors.length);
        uint32[] memory labels = new uint32[](contributors.length);
        (uint256 bond,) = _bondsOf(dataset);
        for (uint256 i; i < contributors.length; ++i) {
            Contributor memory c = _contributor(dataset, contributors[i]);
            uint32 needed = c.pending - c.pendingOpen;
            labels[i] = c.covered - needed;
            bonds[i] = labels[i] * bond;
            _contributors[dataset][contributors[i]].covered = needed;
        }
        emit BondsReleased(dataset, contributors, labels);
    }

    // Views

    /// @inheritdoc ILabelRegistry
    function contributorOf(uint256 dataset, address contributor) external view returns (Contributor memory) {
        return _contributor(dataset, contributor);
    }

    /// @inheritdoc ILabelRegistry
    function contributedTo(uint256 round, address account) external view returns (bool) {
        uint256 dataset = _rounds[round].dataset;
        Contributor storage c = _contributors[dataset][account];
        return c.round == round || (c.pending != 0 && c.round > _settled[dataset].round);
    }

    /// @inheritdoc ILabelRegistry
    function pendingOf(uint256 dataset, address contributor) external view returns (uint256 labels, uint256 open) {
        Contributor storage c = _contributors[dataset][contributor];
        return c.round > _settled[dataset].round ? (c.pending, c.pendingOpen) : (0, 0);
    }

    /// @inheritdoc ILabelRegistry
    function openSubmissionsOf(uint256 round) external view returns (uint256) {
        return _open[round].length;
    }

    /// @inheritdoc ILabelRegistry
    function openSubmissionOf(uint256 round, uint256 index) external view returns (OpenSubmission memory) {
        return _open[round][index];
    }

    /// @inheritdoc ILabelRegistry
    function openLimitsOf(uint256 round) public view returns (uint256 budget, uint256 most, uint256 least) {
        budget = _rounds[round].labelBudget / BUDGETS_PER_OPEN_BUDGET;
        (most, least) = ((budget + OPEN_ADDRESSES - 1) / OPEN_ADDRESSES, (budget + MAX_OPEN - 1) / MAX_OPEN);
    }

    // Internals

    function _requireFew(uint256 items) internal pure {
        if (items > MAX_BATCH) revert BatchTooLarge(items, MAX_BATCH);
    }

    /// @dev A contributor with what they have pending now. Of those to whom a settlement returns nothing it writes nothing: once the round that
    /// they last submitted to, or whose settlement may decide what they left waiting, is settled, all they had pending is decided.
    function _contributor(uint256 dataset, address account) internal view returns (Contributor memory c) {
        c = _contributors[dataset][account];
        if (c.round <= _settled[dataset].round) (c.pending, c.pendingOpen) = (0, 0);
    }

    /// @dev Bonds of a ticketed and of an open label, the same in all rounds of a dataset; 0 before the first.
    function _bondsOf(uint256 dataset) internal view returns (uint256 bond, uint256 openBond) {
        Round storage r = _rounds[currentRound[dataset]];
        return (r.bond, r.openBond);
    }

    /// @dev Accepts a submission, or says why not. Nothing is written, and nothing can revert, before every check has passed; the
    /// bond is the last.
    function _accept(SignedSubmission calldata item) internal returns (SkipReason) {
        Submission calldata s = item.submission;
        Round storage r = _rounds[s.round];
        if (r.phase != RoundPhase.Open || block.timestamp > r.deadline) return SkipReason.RoundNotOpen;
        if (block.timestamp > s.deadline) return SkipReason.Expired;
        uint256 dataset = r.dataset;
        Contributor memory c = _contributor(dataset, s.contributor);
        if (s.sequence != c.sequence) return SkipReason.WrongSequence;
        if (s.count == 0 || s.count > MAX_COUNT) return SkipReason.InvalidCount;
        if (s.labelsRoot == bytes32(0)) return SkipReason.EmptyRoot;
        if (s.admission != TICKETED && s.admission != OPEN) return SkipReason.UnsupportedAdmission;
        if (uint256(r.labels) + s.count > r.labelBudget) return SkipReason.BudgetExhausted;
        if (s.admission == OPEN) {
            if (!_fitsOpenPath(s, r.openLabels, c.openRound)) return SkipReason.OpenLimit;
        } else if (msg.sender != r.operator && !_hasTicket(s, r.operator, item.ticket)) {
            return SkipReason.NotAdmitted;
        }
        if (r.credential != bytes32(0) && !CREDENTIALS.isHeld(r.credential, s.contributor)) return SkipReason.CredentialMissing;
        bytes32 digest = _hashTypedDataV4(Typed.submission(s));
        address signer = Signatures.recover(digest, item.signature);
        (uint256 bond, uint32 covered) = _bondFor(s, r, c);
        SessionState memory session;
        // A malformed signature recovers to the zero address, which has no session, and no wallet to ask when it is the contributor.
        if (signer != s.contributor || signer == address(0)) {
            session = sessionOf[s.contributor][signer];
            if (session.expiry == 0) {
                if (!Signatures.isByWallet(s.contributor, digest, item.signature)) return SkipReason.InvalidSignature;
                signer = s.contributor;
            } else {
                if (session.revoked || block.timestamp > session.expiry) return SkipReason.SessionNotLive;
                if (session.dataset != 0 && session.dataset != dataset) return SkipReason.SessionOtherDataset;
                if (session.bondLeft < bond) return SkipReason.SessionBondExceeded;
            }
        }
        if (bond != 0) {
            bytes32 held = s.admission == OPEN ? Accounts.sub(address(this), s.round) : Accounts.sub(SETTLEMENT, dataset);
            if (!LEDGER.trySpend(s.contributor, held, bond)) return SkipReason.BondUnavailable;
            if (signer != s.contributor) sessionOf[s.contributor][signer].bondLeft = session.bondLeft - uint96(bond);
        }

        _record(s, r, _contributors[dataset][s.contributor], c, covered);
        if (s.admission == TICKETED && c.pending == 0) ++pendingContributors[dataset];
        emit SubmissionAccepted(s.round, s.contributor, s.sequence, s.count, s.labelsRoot, signer, s.admission, bond);
        return SkipReason.None;
    }

    /// @dev Open labels become pending with the panel's word.
    /// @param kept the contributor's storage; @param c what is pending before: with the new round, what was decided must be written down
    function _record(Submission calldata s, Round storage r, Contributor storage kept, Contributor memory c, uint32 covered) internal {
        r.labels += s.count;
        (c.sequence, c.round) = (c.sequence + 1, uint48(s.round));
        if (s.admission == OPEN) {
            (kept.sequence, kept.pending, kept.pendingOpen, kept.round, kept.openRound) =
                (c.sequence, c.pending, c.pendingOpen, c.round, c.round);
            r.openLabels += s.count;
            _open[s.round].push(OpenSubmission({contributor: s.contributor, count: s.count}));
        } else {
            (kept.sequence, kept.labels, kept.pending, kept.pendingOpen, kept.covered, kept.round) =
                (c.sequence, c.labels + s.count, c.pending + s.count, c.pendingOpen, covered, c.round);
        }
    }

    /// @dev What a submission takes from the contributor: the bond of each open label, of ticketed ones that of those which the bonds
    /// kept from earlier rounds do not cover.
    /// @return bond LBL base units
    /// @return covered the ticketed labels that are covered then
    function _bondFor(Submission calldata s, Round storage r, Contributor memory c)
        internal
        view
        returns (uint256 bond, uint32 covered)
    {
        covered = c.covered;
        if (s.admission == OPEN) return (uint256(s.count) * r.openBond, covered);
        uint32 needed = c.pending - c.pendingOpen + s.count;
        if (needed > covered) (bond, covered) = (uint256(needed - covered) * r.bond, needed);
    }

    function _fitsOpenPath(Submission calldata s, uint256 taken, uint256 lastOpenRound) internal view returns (bool) {
        (uint256 budget, uint256 most, uint256 least) = openLimitsOf(s.round);
        return lastOpenRound != s.round && s.count >= least && s.count <= most && taken + s.count <= budget;
    }

    /// @dev A ticket is abi.encode(uint32 count, uint64 deadline, bytes signature) with a signature of 65 bytes: 224 bytes in all.
    /// Decoded by hand, so that a malformed one is refused and does not revert the batch.
    function _hasTicket(Submission calldata s, address operator, bytes calldata ticket) internal view returns (bool) {
        if (ticket.length != 224) return false;
        uint256 count = uint256(bytes32(ticket[0:32]));
        uint256 deadline = uint256(bytes32(ticket[32:64]));
        if (uint256(bytes32(ticket[64:96])) != 96 || uint256(bytes32(ticket[96:128])) != 65) return false;
        if (count > type(uint32).max || deadline > type(uint64).max) return false;
        if (s.count > count || block.timestamp > deadline) return false;
        bytes32 assignment = Typed.assignment(s.round, s.contributor, s.sequence, uint32(count), uint64(deadline));
        return Signatures.isBy(operator, _hashTypedDataV4(assignment), ticket[128:193]);
    }
}

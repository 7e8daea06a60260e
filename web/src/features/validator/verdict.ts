/**
 * A juror's verdict: sealed on chain, then opened. The salt comes from the wallet signature that ballots use, and the root is one of few
 * (computed, proposed, withheld): neither a closed tab nor a lost browser loses a verdict.
 */
import { concat, keccak256, padHex, stringToHex, toHex, type Address, type Hex } from "viem";
import { api, hasCode, must } from "../../lib/api";
import { send } from "../../lib/chain";
import { domainFor, type Config } from "../../lib/config";
import { typedData } from "../../lib/eip712";
import { verdictCommitment } from "../../lib/merkle";
import type { Wallet } from "../../lib/wallet";

export const WITHHELD = padHex("0x01", { size: 32 }); // J4: nobody gave this juror the evidence

export const verdictSalt = (secret: Hex, round: number, attempt: number): Hex =>
  keccak256(concat([secret, toHex(round, { size: 32 }), toHex(attempt, { size: 1 }), stringToHex("verdict")]));

export type Verdict = { round: number; attempt: number; root: Hex; salt: Hex };

/** Which of the roots one committed to. Throws when it is none of them: then another wallet, or another tool, sealed it. */
export function sealedRoot(round: number, attempt: number, juror: Address, salt: Hex, commitment: Hex, roots: Hex[]): Hex {
  const found = roots.find((root) => verdictCommitment(round, attempt, juror, root, salt) === commitment);
  if (!found) throw new Error("What you committed to is not of this page: open it with the tool and the key file that sealed it (labelshare juror).");
  return found;
}

/** Seals: the operator relays it, or the wallet sends it itself. */
export async function sealVerdict(config: Config, wallet: Wallet, verdict: Verdict, alone: boolean) {
  const { round, attempt, root, salt } = verdict;
  const commitment = verdictCommitment(round, attempt, wallet.address, root, salt);
  if (alone) {
    await send(wallet.wagmi, config, "Jury", "commit", [BigInt(round), wallet.address, commitment, "0x"]);
    return;
  }
  const message = { round: BigInt(round), attempt, juror: wallet.address, commitment };
  const signature = await wallet.sign(typedData("Verdict", domainFor(config, "Jury"), message));
  try {
    await must(api.POST("/v1/rounds/{round_id}/verdicts", { params: { path: { round_id: round } }, body: { juror: wallet.address, commitment, signature } }));
  } catch (error) {
    if (!hasCode(error, "already_committed")) throw error;
  }
}

/** Hands the verdict in to be opened, as soon as its commitment is mirrored; the operator opens it when the jury does. */
export async function handIn(juror: Address, { round, root, salt }: Verdict) {
  for (let tries = 0; ; tries++) {
    try {
      await must(api.POST("/v1/rounds/{round_id}/verdict-reveals", { params: { path: { round_id: round } }, body: { juror, root, salt } }));
      return;
    } catch (error) {
      if (!hasCode(error, "not_committed") || tries > 80) throw error;
      await new Promise((wake) => setTimeout(wake, 700));
    }
  }
}

export const openAlone = (config: Config, wallet: Wallet, { round, root, salt }: Verdict) =>
  send(wallet.wagmi, config, "Jury", "reveal", [BigInt(round), wallet.address, root, salt]);

/**
 * A validator's ballot. Salt and encryption key come from one signature of the wallet, so neither a closed tab nor a lost browser loses a
 * ballot: the answers lie encrypted with the operator, and the same wallet opens them anywhere.
 */
import { bytesToHex, concat, hexToBytes, keccak256, stringToHex, toHex, type Address, type Hex } from "viem";
import { api, ApiError, isMissing, must } from "../../lib/api";
import { addressOf, type Config } from "../../lib/config";
import { domainFor } from "../../lib/config";
import { typedData } from "../../lib/eip712";
import { commitment } from "../../lib/merkle";
import type { SignTypedData } from "../../lib/session";

export const BLANK = 255; // no vote: a byte that is no class

export const ballotText = (config: Config) =>
  `Labelshare ballots\nchain ${config.chain_id}\ncontract ${addressOf(config, "AuditBoard").toLowerCase()}`;

export const saltOf = (secret: Hex, round: number, attempt: number): Hex =>
  keccak256(concat([secret, toHex(round, { size: 32 }), toHex(attempt, { size: 1 })]));

const aesKey = (secret: Hex, round: number, attempt: number) =>
  crypto.subtle.importKey("raw", hexToBytes(keccak256(concat([saltOf(secret, round, attempt), stringToHex("seal")]))).slice(), "AES-GCM", false, ["encrypt", "decrypt"]);

export async function seal(secret: Hex, round: number, attempt: number, answers: Uint8Array): Promise<Hex> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await aesKey(secret, round, attempt), answers.slice());
  return concat([bytesToHex(iv), bytesToHex(new Uint8Array(body))]);
}

/** Throws when this is not what this wallet sealed. */
export async function unseal(secret: Hex, round: number, attempt: number, sealed: Hex): Promise<Uint8Array> {
  const bytes = hexToBytes(sealed);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12) }, await aesKey(secret, round, attempt), bytes.slice(12));
  return new Uint8Array(plain);
}

const path = (round_id: number) => ({ params: { path: { round_id } } });

export async function keepSealed(round: number, ciphertext: Hex) {
  await must(api.POST("/v1/rounds/{round_id}/sealed", { ...path(round), body: { ciphertext } }));
}

export async function keptSealed(round: number): Promise<Hex | null> {
  try {
    return (await must(api.GET("/v1/rounds/{round_id}/sealed", path(round)))).ciphertext as Hex;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export async function commit(config: Config, validator: Address, round: number, attempt: number, answers: Hex, salt: Hex, sign: SignTypedData) {
  const sealed = commitment(round, attempt, validator, answers, salt);
  const message = { round: BigInt(round), attempt, validator, commitment: sealed };
  const signature = await sign(typedData("Commit", domainFor(config, "AuditBoard"), message));
  await must(api.POST("/v1/rounds/{round_id}/commits", { ...path(round), body: { validator, commitment: sealed, signature } }));
}

/** Hands the opened ballot in as soon as the commitment is mirrored; the operator keeps it until the panel reveals. */
export async function reveal(validator: Address, round: number, answers: Hex, salt: Hex) {
  for (let tries = 0; ; tries++) {
    try {
      await must(api.POST("/v1/rounds/{round_id}/reveals", { ...path(round), body: { validator, answers, salt } }));
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "not_committed") || tries > 80) throw error;
      await new Promise((wake) => setTimeout(wake, 700));
    }
  }
}

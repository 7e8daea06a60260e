/**
 * Session keys: the wallet signs once, then this browser signs submissions by itself. A key can only hand in labels, and risks no more
 * than the bond that the signature names. Salts come from the key's own signature (specification T4).
 */
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { Address, Hex } from "viem";
import { api, isMissing, must } from "./api";
import { addressOf, domainFor, type Config } from "./config";
import { typedData, type MessageName } from "./eip712";
import { saltSecret, saltText } from "./merkle";
import { forget, load, save } from "./stored";

export type SignTypedData = (data: ReturnType<typeof typedData>) => Promise<Hex>;
export type SessionKey = { key: Hex; address: Address; expiry: number; maxBond: string };

const SECONDS = 7 * 24 * 3600;
const ACCESS_SECONDS = 600;
const SPARE = 3600; // seconds that a key must still live, so that a submission signed by it is not late

const place = (config: Config, owner: Address) =>
  `labelshare:session:${config.chain_id}:${addressOf(config, "LabelRegistry")}:${owner.toLowerCase()}`;

export const keptKey = (config: Config, owner: Address) => load<SessionKey>(place(config, owner));
export const forgetKey = (config: Config, owner: Address) => forget(place(config, owner));
export const now = () => Math.floor(Date.now() / 1000);

/** Why there is no key to work with: none yet, expired, revoked, unknown to the chain (a chain started anew), not yet mirrored. */
export type KeyState = { state: "none" | "expired" | "revoked" | "unknown" | "pending" } | { state: "live"; key: SessionKey; bondLeft: bigint };

export async function keyState(config: Config, owner: Address): Promise<KeyState> {
  const key = keptKey(config, owner);
  if (!key) return { state: "none" };
  if (key.expiry < now() + SPARE) return { state: "expired" };
  try {
    const view = await must(
      api.GET("/v1/sessions/{contributor}/{key}", { params: { path: { contributor: owner.toLowerCase(), key: key.address.toLowerCase() } } }),
    );
    save(place(config, owner) + ":seen", key.address);
    return view.revoked ? { state: "revoked" } : { state: "live", key, bondLeft: BigInt(view.bond_left) };
  } catch (error) {
    if (!isMissing(error)) throw error;
    return { state: load(place(config, owner) + ":seen") === key.address ? "unknown" : "pending" };
  }
}

/** One signature of the wallet (two when bonds are needed) makes a session key; the operator relays it, no gas. */
export async function startSession(config: Config, owner: Address, maxBond: bigint, sign: SignTypedData): Promise<SessionKey> {
  const account = owner.toLowerCase() as Address;
  const secret = generatePrivateKey();
  const address = privateKeyToAccount(secret).address.toLowerCase() as Address;
  const expiry = now() + SECONDS;
  const session = { contributor: account, key: address, dataset: 0, expiry, max_bond: maxBond.toString() };
  const message = { contributor: account, key: address, dataset: 0n, expiry: BigInt(expiry), maxBond };
  const signature = await sign(typedData("Session", domainFor(config, "LabelRegistry"), message));
  const body: { session: typeof session; signature: string; allowance?: Allowance; allowance_signature?: string } = { session, signature };
  if (maxBond > 0n) Object.assign(body, await signAllowance(config, account, addressOf(config, "LabelRegistry"), maxBond, sign));
  await must(api.POST("/v1/sessions", { body }));
  const kept = { key: secret, address, expiry, maxBond: maxBond.toString() };
  save(place(config, owner), kept);
  return kept;
}

type Allowance = { owner: string; spender: string; amount: string; nonce: number; deadline: number };

async function signAllowance(config: Config, owner: Address, spender: Address, amount: bigint, sign: SignTypedData) {
  const ledger = await must(api.GET("/v1/accounts/{address}", { params: { path: { address: owner } } }));
  const allowance: Allowance = { owner, spender, amount: amount.toString(), nonce: ledger.nonce, deadline: now() + 3600 };
  const message = { owner, spender, amount, nonce: BigInt(ledger.nonce), deadline: BigInt(allowance.deadline) };
  return { allowance, allowance_signature: await sign(typedData("Allowance", domainFor(config, "Ledger"), message)) };
}

const accountOf = (key: SessionKey) => privateKeyToAccount(key.key);

export const signWithKey = (config: Config, key: SessionKey, name: MessageName, message: Record<string, unknown>): Promise<Hex> =>
  accountOf(key).signTypedData(typedData(name, domainFor(config, "LabelRegistry"), message));

export async function secretOf(config: Config, key: SessionKey): Promise<Hex> {
  return saltSecret(await accountOf(key).signMessage({ message: saltText(config.chain_id, addressOf(config, "LabelRegistry")) }));
}

/** Headers that ask for something of `owner`: for the purposes lease, labels and me a session key may sign. */
export async function accessHeaders(config: Config, owner: Address, purpose: string, subject: number, sign: SignTypedData) {
  const account = owner.toLowerCase();
  const deadline = now() + ACCESS_SECONDS;
  const message = { account, purpose, subject: BigInt(subject), deadline: BigInt(deadline) };
  const signature = await sign(typedData("Access", domainFor(config, "LabelRegistry"), message));
  return { "X-Labelshare-Account": account, "X-Labelshare-Deadline": String(deadline), "X-Labelshare-Signature": signature };
}

export const keySigner = (key: SessionKey): SignTypedData => (data) => accountOf(key).signTypedData(data);

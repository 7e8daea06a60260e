/** Asking for what is one's own: by a live session key without a prompt, else by signing in once (EIP-4361), which sets a cookie. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createSiweMessage } from "viem/siwe";
import { getAddress, type Address } from "viem";
import type { ReactNode } from "react";
import { Note, Problem } from "../ui";
import { api, ApiError, must } from "./api";
import { useDeployment, type Config } from "./config";
import { accessHeaders, keyState, keySigner } from "./session";
import type { Wallet } from "./wallet";

export type Headers = Record<string, string>;

async function signedIn(address: Address): Promise<boolean> {
  try {
    return (await must(api.GET("/v1/auth/session"))).account === address;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false;
    throw error;
  }
}

async function signIn(wallet: Wallet): Promise<void> {
  const asked = await must(api.POST("/v1/auth/nonce", { body: {} }));
  const message = createSiweMessage({
    address: getAddress(wallet.address), chainId: asked.chain_id, domain: asked.domain, nonce: asked.nonce, uri: asked.uri, version: "1",
    statement: asked.statement, issuedAt: new Date(), expirationTime: new Date(asked.expires_at * 1000),
  });
  await must(api.POST("/v1/auth/login", { body: { message, signature: await wallet.signText(message) } }));
}

async function ownHeaders(config: Config, address: Address, byKey: boolean): Promise<Headers | null> {
  if (byKey) {
    const state = await keyState(config, address);
    if (state.state === "live") return accessHeaders(config, address, "me", 0, keySigner(state.key));
  }
  return (await signedIn(address)) ? {} : null;
}

/** Shows its children once the account may ask for its own. `byKey`: a session key will do. */
export function Own({ wallet, byKey = false, why, children }: { wallet: Wallet; byKey?: boolean; why: string; children: (headers: Headers) => ReactNode }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const name = ["own", wallet.address, byKey];
  const own = useQuery({ queryKey: name, queryFn: () => ownHeaders(config, wallet.address, byKey), staleTime: 240_000, refetchInterval: 300_000 });
  const enter = useMutation({ mutationFn: () => signIn(wallet), onSuccess: () => queries.invalidateQueries({ queryKey: ["own", wallet.address] }) });
  if (own.data) return <>{children(own.data)}</>;
  if (own.isError) return <Problem error={own.error} />;
  if (own.isPending) return <p className="muted" role="status">Loading …</p>;
  return (
    <div className="card">
      <h2>Sign in</h2>
      <p>{why} Your wallet signs a short text that names this site. It moves nothing and costs nothing.</p>
      <Problem error={enter.error} />
      <button className="button primary" onClick={() => enter.mutate()} disabled={enter.isPending}>{enter.isPending ? "Waiting for your wallet …" : "Sign in with your wallet"}</button>
    </div>
  );
}

export const NeedsWallet = ({ connect, children }: { connect: () => void; children: ReactNode }) => (
  <div className="card">
    {children}
    <button className="button primary" onClick={connect}>Connect a wallet</button>
  </div>
);

export const Done = ({ children }: { children: ReactNode }) => <Note kind="good" role="status">{children}</Note>;

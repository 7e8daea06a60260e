/** The connected wallet as the pages use it. */
import { useConnection, useConfig, type Config as WagmiConfig } from "wagmi";
import { signMessage, signTypedData, switchChain } from "@wagmi/core";
import { createContext, useCallback, useContext, useMemo } from "react";
import type { Address, Hex } from "viem";
import { useDeployment } from "./config";
import type { SignTypedData } from "./session";

export type Wallet = {
  wagmi: WagmiConfig;
  address: Address;
  rightChain: boolean;
  sign: SignTypedData;
  signText: (text: string) => Promise<Hex>;
  toChain: () => Promise<unknown>;
};

/** The wallet, null while none is connected. */
export function useWallet(): Wallet | null {
  const { address, chainId, status } = useConnection();
  const wagmi = useConfig();
  const { chain_id } = useDeployment();
  const toChain = useCallback(() => switchChain(wagmi, { chainId: chain_id }), [wagmi, chain_id]);
  return useMemo(() => {
    if (!address || status !== "connected") return null;
    return {
      wagmi,
      address: address.toLowerCase() as Address,
      rightChain: chainId === chain_id,
      sign: (data) => signTypedData(wagmi, { ...data, account: address } as never),
      signText: (message) => signMessage(wagmi, { message, account: address }),
      toChain,
    };
  }, [address, chainId, chain_id, status, wagmi, toChain]);
}

export const WalletDialogContext = createContext<() => void>(() => undefined);
export const useWalletDialog = () => useContext(WalletDialogContext);

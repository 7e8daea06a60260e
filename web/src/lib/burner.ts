/**
 * A wallet inside the page, for development chains only: it announces itself as any wallet does (EIP-6963), signs with a key that this
 * browser keeps, and hands everything else to the node.
 */
import { createWalletClient, http, numberToHex, hexToString, isHex, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { load, save } from "./stored";

const KEY = "labelshare:burner";
const COIN = 10n ** 18n;
const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#d9822b"/><path d="M16 5c1 5 7 7 7 13a7 7 0 0 1-14 0c0-3 2-4 3-7 2 2 2 3 2 4 2-2 3-6 2-10z" fill="#fff"/></svg>',
);

export const BURNER_NAME = "Burner wallet";

type Rpc = { method: string; params?: unknown[] };

export function announceBurner(chainId: number, rpcUrl: string) {
  const key = load<Hex>(KEY) ?? generatePrivateKey();
  save(KEY, key);
  const account = privateKeyToAccount(key);
  const client = createWalletClient({ account, transport: http(rpcUrl) });
  let connected = load<boolean>(KEY + ":connected") ?? false;
  const connect = (value: boolean) => save(KEY + ":connected", (connected = value));

  /** Coins for gas: a development node gives them to whoever asks. */
  async function payable() {
    const held = BigInt(await client.request({ method: "eth_getBalance", params: [account.address, "latest"] } as never));
    if (held < COIN / 10n) await client.request({ method: "anvil_setBalance", params: [account.address, numberToHex(COIN)] } as never);
  }

  async function request({ method, params = [] }: Rpc): Promise<unknown> {
    switch (method) {
      case "eth_accounts":
        return connected ? [account.address] : [];
      case "eth_requestAccounts":
        connect(true);
        return [account.address];
      case "wallet_requestPermissions":
        connect(true);
        return [{ parentCapability: "eth_accounts", caveats: [{ type: "restrictReturnedAccounts", value: [account.address] }] }];
      case "wallet_revokePermissions":
        connect(false);
        return null;
      case "eth_chainId":
        return numberToHex(chainId);
      case "wallet_switchEthereumChain":
        return null;
      case "personal_sign":
        return account.signMessage({ message: isHex(params[0]) ? hexToString(params[0]) : String(params[0]) });
      case "eth_signTypedData_v4":
        return account.signTypedData(JSON.parse(params[1] as string));
      case "eth_sendTransaction": {
        await payable();
        const { from: _, gas, value, to, data } = params[0] as Record<string, Hex>;
        return client.sendTransaction({
          chain: null,
          to: to ?? null,
          data: data ?? "0x",
          value: value ? BigInt(value) : 0n,
          ...(gas ? { gas: BigInt(gas) } : {}),
        });
      }
      default:
        return client.request({ method, params } as never);
    }
  }

  const provider = { request, on: () => provider, removeListener: () => provider };
  const detail = Object.freeze({
    info: Object.freeze({ uuid: "5b7c2f4e-3a41-4d7b-9a51-1abe15ba7e00", name: BURNER_NAME, icon: ICON, rdns: "org.labelshare.burner" }),
    provider,
  });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
}

/** Which wallet: those that announced themselves to the page (EIP-6963). */
import { useConnect, useConnectors } from "wagmi";
import { useState } from "react";
import { BURNER_NAME } from "./lib/burner";
import { explain } from "./lib/chain";
import { useDeployment } from "./lib/config";
import { Dialog, Note } from "./ui";

export function WalletDialog({ close }: { close: () => void }) {
  const connectors = useConnectors();
  const { mutateAsync: connect } = useConnect();
  const { faucet } = useDeployment();
  const [waiting, wait] = useState<string | null>(null);
  const [error, fail] = useState<unknown>(null);
  const announced = [...connectors].filter((one) => one.icon).sort((a, b) => Number(a.name === BURNER_NAME) - Number(b.name === BURNER_NAME));

  async function choose(connector: (typeof announced)[number]) {
    fail(null);
    wait(connector.name);
    try {
      await connect({ connector });
      close();
    } catch (trouble) {
      fail(trouble);
    } finally {
      wait(null);
    }
  }

  return (
    <Dialog title="Connect a wallet" close={close}>
      {waiting && <Note role="status">Waiting for {waiting}. If nothing opens, the wallet may be locked: open it and unlock it; this page goes on by itself.</Note>}
      {error ? <Note kind="bad">{explain(error)}</Note> : null}
      <div className="choices">
        {announced.map((one) => (
          <button key={one.uid} className="choice" onClick={() => void choose(one)} disabled={waiting !== null}>
            <img src={one.icon} alt="" />
            <div>
              <strong>{one.name}</strong>
              <span>{one.name === BURNER_NAME ? "Made for you in this browser. Development chains only." : "Installed in this browser"}</span>
            </div>
          </button>
        ))}
      </div>
      {!announced.length && <p>No wallet was found in this browser. Install one that supports EIP-6963, such as MetaMask or Rabby, and load the page again.</p>}
      <p className="muted small" style={{ marginTop: "1rem", marginBottom: 0 }}>
        Connecting shows your address to this page, nothing else. {faucet && "This is a development chain: its money is worth nothing."}
      </p>
    </Dialog>
  );
}

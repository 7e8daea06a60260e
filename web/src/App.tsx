import { useDisconnect } from "wagmi";
import { lazy, Suspense, useState, type ComponentType, type LazyExoticComponent } from "react";
import { useDeployment } from "./lib/config";
import { short } from "./lib/format";
import { useLive } from "./lib/live";
import { Link, usePath } from "./lib/router";
import { useWallet, WalletDialogContext } from "./lib/wallet";
import { explain } from "./lib/chain";
import { Dialog, Note } from "./ui";
import { WalletDialog } from "./WalletDialog";
import { Home } from "./features/home/Home";

type Page = LazyExoticComponent<ComponentType<{ id: string }>>;
const page = (load: () => Promise<{ default: ComponentType<{ id: string }> }>): Page => lazy(load);

const PAGES: [RegExp, Page][] = [
  [/^\/datasets$/, page(() => import("./features/buyer/Datasets"))],
  [/^\/datasets\/(\d+)$/, page(() => import("./features/buyer/Dataset"))],
  [/^\/datasets\/(\d+)\/practice$/, page(() => import("./features/contributor/Practice"))],
  [/^\/datasets\/(\d+)\/removal$/, page(() => import("./features/buyer/Removal"))],
  [/^\/label$/, page(() => import("./features/contributor/Open"))],
  [/^\/label\/(\d+)$/, page(() => import("./features/contributor/Label"))],
  [/^\/receipts\/(0x[0-9a-f]{64})$/, page(() => import("./features/contributor/Receipt"))],
  [/^\/work$/, page(() => import("./features/contributor/Work"))],
  [/^\/request$/, page(() => import("./features/requester/Request"))],
  [/^\/request\/new$/, page(() => import("./features/requester/New"))],
  [/^\/validate$/, page(() => import("./features/validator/Validate"))],
  [/^\/validate\/(\d+)$/, page(() => import("./features/validator/Audit"))],
  [/^\/validate\/jury\/(\d+)$/, page(() => import("./features/validator/Jury"))],
  [/^\/explorer$/, page(() => import("./features/explorer/Explorer"))],
  [/^\/rounds\/(\d+)$/, page(() => import("./features/explorer/Round"))],
  [/^\/tx\/(0x[0-9a-f]{64})$/, page(() => import("./features/explorer/Transaction"))],
  [/^\/developers$/, page(() => import("./features/developer/Developers"))],
];

const MENU: [string, string][] = [
  ["/label", "Label"],
  ["/work", "My work"],
  ["/datasets", "Datasets"],
  ["/request", "Request"],
  ["/validate", "Validate"],
  ["/explorer", "Explorer"],
];

export function App() {
  const path = usePath();
  useLive();
  const [choosing, choose] = useState(false);
  return (
    <WalletDialogContext value={() => choose(true)}>
      <a className="skip" href="#main">Skip to the content</a>
      <header className="top">
        <div className="bar">
          <Link className="brand" href="/"><img src="/icon.svg" alt="" />Labelshare</Link>
          <span className="grow" />
          <nav className="main" aria-label="Main">
            {MENU.map(([href, name]) => (
              <Link key={href} href={href} aria-current={path === href || path.startsWith(href + "/") ? "page" : undefined}>{name}</Link>
            ))}
          </nav>
          <WalletButton choose={() => choose(true)} />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <ChainNotice />
        <Suspense fallback={<p className="muted" role="status">Loading …</p>}>
          <Routed path={path} />
        </Suspense>
      </main>
      <footer>
        <div className="bar">
          <span>Labelshare: labels owned by those who make them.</span>
          <Link href="/developers">Developers</Link>
          <a href="/docs">API</a>
          <Link href="/explorer">Network</Link>
        </div>
      </footer>
      {choosing && <WalletDialog close={() => choose(false)} />}
    </WalletDialogContext>
  );
}

function Routed({ path }: { path: string }) {
  if (path === "/") return <Home />;
  for (const [pattern, Shown] of PAGES) {
    const match = pattern.exec(path.length > 1 ? path.replace(/\/$/, "") : path);
    if (match) return <Shown key={path} id={match[1] ?? ""} />;
  }
  return (
    <>
      <h1>There is no such page</h1>
      <p><Link href="/">To the start</Link></p>
    </>
  );
}

function WalletButton({ choose }: { choose: () => void }) {
  const wallet = useWallet();
  const { mutate: disconnect } = useDisconnect();
  const [open, show] = useState(false);
  if (!wallet) return <button className="button primary small" onClick={choose}>Connect</button>;
  return (
    <>
      <button className="button small mono" onClick={() => show(true)} aria-label={`${short(wallet.address)}: your account`}>{short(wallet.address)}</button>
      {open && (
        <Dialog title="Your account" close={() => show(false)}>
          <p className="mono">{wallet.address}</p>
          <div className="row">
            <Link className="button" href="/work" onClick={() => show(false)}>My work</Link>
            <button className="button" onClick={() => { show(false); disconnect({}); }}>Disconnect</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function ChainNotice() {
  const wallet = useWallet();
  const { chain_id } = useDeployment();
  const [error, fail] = useState<unknown>(null);
  if (!wallet || wallet.rightChain) return null;
  return (
    <Note kind="warn" role="alert">
      <div className="row apart">
        <span>Your wallet is on another chain. Labelshare is on chain {chain_id}.</span>
        <button className="button small" onClick={() => { fail(null); wallet.toChain().catch(fail); }}>Switch chain</button>
      </div>
      {error ? <p>{explain(error)} You can also choose the network in the wallet itself.</p> : null}
    </Note>
  );
}

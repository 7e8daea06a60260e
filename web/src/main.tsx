import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { StrictMode, useMemo } from "react";
import { createRoot } from "react-dom/client";
import { WagmiProvider } from "wagmi";
import { App } from "./App";
import { ApiError } from "./lib/api";
import { announceBurner } from "./lib/burner";
import { explain, wagmiFor } from "./lib/chain";
import { ConfigContext, fetchConfig, type Config } from "./lib/config";
import "./styles.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

function Ready({ config }: { config: Config }) {
  const wagmi = useMemo(() => {
    if (config.faucet && config.rpc_url) announceBurner(config.chain_id, config.rpc_url);
    return wagmiFor(config);
  }, [config]);
  return (
    <ConfigContext value={config}>
      <WagmiProvider config={wagmi} reconnectOnMount>
        <App />
      </WagmiProvider>
    </ConfigContext>
  );
}

function Start() {
  const { data, error, refetch } = useQuery({ queryKey: ["config"], queryFn: fetchConfig, staleTime: Infinity });
  if (data) return <Ready config={data} />;
  if (!error) return <main><p role="status">Loading …</p></main>;
  return (
    <main>
      <h1>Labelshare cannot be reached</h1>
      <p>{explain(error)}</p>
      <button className="button" onClick={() => void refetch()}>Try again</button>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Start />
    </QueryClientProvider>
  </StrictMode>,
);

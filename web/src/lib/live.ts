/** What happens on chain, as it happens: server-sent events say which of the things shown are old. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

const TOPICS = ["submission", "round", "audit", "settlement", "dispute", "dataset", "sale", "revenue", "stake", "money"];
const SHOWN = new Set([
  "account", "contracts", "dataset", "datasets", "disputes", "events", "license", "me", "my-datasets", "network", "owners", "profile", "progress", "provenance",
  "quality", "receipt", "round", "rounds", "sales", "sample", "settlement", "validator", "wallet-lbl",
]);
const PAUSE = 700; // milliseconds in which events are gathered, so that a busy block asks once

export function useLive() {
  const queries = useQueryClient();
  useEffect(() => {
    const stream = new EventSource("/v1/events");
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const old = () => {
      waiting ??= setTimeout(() => {
        waiting = undefined;
        void queries.invalidateQueries({ predicate: ({ queryKey }) => SHOWN.has(String(queryKey[0])) });
      }, PAUSE);
    };
    const reset = () => void queries.resetQueries({ predicate: ({ queryKey }) => queryKey[0] === "key" || SHOWN.has(String(queryKey[0])) });
    for (const topic of TOPICS) stream.addEventListener(topic, old);
    stream.addEventListener("reset", reset);
    return () => {
      clearTimeout(waiting);
      stream.close();
    };
  }, [queries]);
}

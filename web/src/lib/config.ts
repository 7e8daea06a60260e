/** The deployment that the server speaks for, loaded before anything is shown. */
import { createContext, useContext } from "react";
import { domain as domainOf } from "./eip712";
import { api, must, type Schema } from "./api";
import type { Address } from "viem";

export type Config = Schema["ConfigView"];

export const ConfigContext = createContext<Config | null>(null);

export function useDeployment(): Config {
  const config = useContext(ConfigContext);
  if (!config) throw new Error("ConfigContext is missing");
  return config;
}

export const fetchConfig = () => must(api.GET("/v1/config"));

export function addressOf(config: Config, contract: string): Address {
  const address = config.contracts[contract];
  if (!address) throw new Error(`This deployment has no ${contract}.`);
  return address as Address;
}

export const domainFor = (config: Config, contract: string) => domainOf(config.chain_id, addressOf(config, contract));

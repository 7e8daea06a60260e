/** The rule beside the page, so that the page stays alive while it computes. */
import { settle } from "./settle";
import type { Round, Terms } from "./types";

addEventListener("message", ({ data }: MessageEvent<{ terms: Terms; rounds: Round[] }>) => postMessage(settle(data.terms, data.rounds)));

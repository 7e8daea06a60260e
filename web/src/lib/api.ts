/** The operator's API, typed from its OpenAPI document. */
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/api";

export type Schema = components["schemas"];
export const api = createClient<paths>({ baseUrl: "" });

/** The API refused. `code` is for programs, the message says what to do. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, detail: string) {
    super(detail);
  }
}

type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** The data of an answer. Throws ApiError; a network failure becomes one with status 0. */
export async function must<T>(answer: Answer<T>): Promise<T> {
  let result;
  try {
    result = await answer;
  } catch {
    throw new ApiError(0, "offline", "The server cannot be reached. Check your connection; nothing is lost, try again.");
  }
  if (result.response.ok) return result.data as T;
  const problem = (result.error ?? {}) as { detail?: string; code?: string };
  throw new ApiError(result.response.status, problem.code ?? "unknown", problem.detail ?? `The server answered ${result.response.status}.`);
}

export const hasCode = (error: unknown, ...codes: string[]) => error instanceof ApiError && codes.includes(error.code);
export const isMissing = (error: unknown) => error instanceof ApiError && error.status === 404;

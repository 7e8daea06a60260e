/** How values are shown. Amounts come as base units in decimal strings. */
const UNIT = 10n ** 18n;

export function lbl(amount: string | bigint, digits = 4): string {
  const value = BigInt(amount);
  const sign = value < 0n ? "−" : "";
  const size = value < 0n ? -value : value;
  const whole = (size / UNIT).toLocaleString("en");
  const rest = (size % UNIT).toString().padStart(18, "0").slice(0, digits).replace(/0+$/, "");
  if (size > 0n && whole === "0" && !rest) return `${sign}<0.${"0".repeat(digits - 1)}1`;
  return sign + whole + (rest ? `.${rest}` : "");
}

export const toNumber = (amount: string | bigint) => Number((BigInt(amount) * 10_000n) / UNIT) / 10_000;

/** Base units of an amount that a person wrote; null when it is none. */
export function parseLbl(text: string): bigint | null {
  const match = /^(\d{1,12})(?:\.(\d{1,18}))?$/.exec(text.trim());
  return match ? BigInt(match[1]!) * UNIT + BigInt((match[2] ?? "").padEnd(18, "0")) : null;
}

export const short = (hex: string) => `${hex.slice(0, 6)}…${hex.slice(-4)}`;
export const percent = (part: number, digits = 1) => `${(part * 100).toFixed(digits)}%`;
export const plural = (count: number, one: string, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export const day = (seconds: number) =>
  new Date(seconds * 1000).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

export function until(seconds: number, now = Date.now() / 1000): string {
  const left = Math.round(seconds - now);
  if (left <= 0) return "now";
  const units: [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"]];
  for (const [size, name] of units) if (left >= size) return `${Math.floor(left / size)} ${name}`;
  return `${left} s`;
}

/** Krippendorff's α or κ in words. */
export function agreement(value: number | null | undefined): string {
  if (value == null) return "not yet measured";
  if (value >= 0.8) return "strong agreement";
  if (value >= 0.6) return "good agreement";
  if (value >= 0.4) return "moderate agreement";
  if (value > 0.1) return "weak agreement";
  return "no better than chance";
}

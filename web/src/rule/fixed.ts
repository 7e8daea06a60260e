/** Whole numbers of the scoring rule `kappa-3` (specification K1), in units of 1/ONE, exactly as labelshare/rules computes them. */
export const ONE = 1 << 16;
export type Row = number[];

const STEPS = 4096;
const EXACT = 2 ** 52; // up to here, Math.floor of a quotient of doubles is the floor of the quotient

/** floor(a · b / c), exact whatever the size of the product. `c` is above 0; a, b, c are whole. */
export function ratio(a: number, b: number, c: number): number {
  const product = a * b;
  if (Math.abs(product) < EXACT) return Math.floor(product / c);
  const [x, y] = [BigInt(a) * BigInt(b), BigInt(c)];
  const quotient = x / y;
  return Number(x % y < 0n ? quotient - 1n : quotient);
}

export const sum = (row: readonly number[]) => row.reduce((total, value) => total + value, 0);
export const most = (row: readonly number[]) => row.reduce((highest, value) => Math.max(highest, value), -Infinity);
export const zeros = (length: number): Row => new Array<number>(length).fill(0);

function squareRoot(n: bigint): bigint {
  let x = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** round(ONE · log2(1 + (i + ½)/4096)), from its first 20 binary digits. */
export function log2Table(): Row {
  return Array.from({ length: STEPS }, (_, i) => {
    let [x, digits] = [BigInt(2 * (STEPS + i) + 1) << 87n, 0n]; // in units of 2^-100
    for (let place = 0; place < 20; place++) {
      x = (x * x) >> 100n;
      digits = 2n * digits + (x >> 101n);
      x >>= x >> 101n;
    }
    return Number((digits + 8n) >> 4n);
  });
}

/** floor(ONE · 2^(−i/4096)): powers of the 4,096th root of ½, which is twelve square roots. */
export function exp2Table(): Row {
  let [x, root] = [1n << 160n, 1n << 159n]; // in units of 2^-160
  for (let i = 0; i < 12; i++) root = squareRoot(root << 160n);
  return Array.from({ length: STEPS }, () => {
    const value = Number(x >> 144n);
    x = (x * root) >> 160n;
    return value;
  });
}

let tables: { logs: Row; powers: Row } | undefined;
const known = () => (tables ??= { logs: log2Table(), powers: exp2Table() });

export function log2(n: number): number {
  const value = Math.max(n, 1);
  let [exponent, power] = [0, 1];
  if (value >= 2 ** 32) [exponent, power] = [32, 2 ** 32];
  while (power * 2 <= value) [exponent, power] = [exponent + 1, power * 2];
  return exponent * ONE + known().logs[Math.floor((value / power) * STEPS) - STEPS]!;
}

/** ONE · 2^(−x/ONE) for x ≥ 0, floored. */
export function exp2(x: number): number {
  const value = known().powers[Math.floor((x % ONE) / 16)]!;
  const halvings = Math.floor(x / ONE);
  return halvings > 30 ? 0 : value >> halvings;
}

/** `possible`: 0 for each state that a verdict rules out; without one, all are. */
export function normalised(odds: Row, possible?: Row): Row {
  const highest = most(odds);
  const likelihood = odds.map((one, i) => (possible && !possible[i] ? 0 : exp2(highest - one) + 1));
  const total = sum(likelihood);
  return likelihood.map((x) => Math.floor((x * ONE) / total));
}

export function byClass(states: Row): Row {
  const half = states.length / 2;
  return states.slice(0, half).map((easy, k) => easy + states[half + k]!);
}

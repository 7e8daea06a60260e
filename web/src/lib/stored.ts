/** What this browser keeps. Storage may be full or forbidden: then things live until the tab closes. */
const memory = new Map<string, string>();

export function load<T>(key: string): T | null {
  let text: string | null = null;
  try {
    text = localStorage.getItem(key);
  } catch {
    /* storage is forbidden here */
  }
  text ??= memory.get(key) ?? null;
  try {
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

export function save(key: string, value: unknown) {
  const text = JSON.stringify(value);
  memory.set(key, text);
  try {
    localStorage.setItem(key, text);
  } catch {
    /* kept in memory */
  }
}

export function forget(key: string) {
  memory.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    /* nothing was kept */
  }
}

export function forgetAll(prefix: string) {
  for (const key of [...memory.keys()]) if (key.startsWith(prefix)) memory.delete(key);
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
  } catch {
    /* nothing was kept */
  }
}

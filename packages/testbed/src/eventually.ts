/** How often a condition is looked at, ms. */
const EVERY = 20;

/**
 * Resolves with what `look` gives as soon as it gives something (not undefined, not false) without
 * throwing; rejects at the deadline with its last error. It waits for a condition, never for a time.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = 60_000,
): Promise<Exclude<T, undefined | false | null>> {
  const end = Date.now() + deadlineMs;
  let last: unknown = 'it never held';
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false && found !== null) {
        return found as Exclude<T, undefined | false | null>;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`waited ${deadlineMs} ms for ${what}: ${String(last)}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}

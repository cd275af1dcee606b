/** `${KEY}`, or `$VARIABLE` where that is asked for. */
const REFERENCE = /\$\{([^{}]*)\}|\$([A-Z_][A-Z0-9_]*)/g;

/** The kernel takes no longer variable (MAX_ARG_STRLEN), and references can multiply. */
const LONGEST = 128 * 1_024;

/** What a name in `${…}` stands for; undefined where nothing is known of it. */
export type Lookup = (name: string) => string | undefined;

export interface ExpandOptions {
  readonly lookup: Lookup;
  /** Called once for each reference to nothing, as it is written; that is how it stays. */
  readonly onUnknown?: (reference: string) => void;
  /** `$VARIABLE` too. */
  readonly bare?: boolean;
}

/** A text with its references replaced. */
export function expand(text: string, { lookup, onUnknown, bare = false }: ExpandOptions): string {
  const unknown = new Set<string>();
  const expanded = text.replace(
    REFERENCE,
    (whole, braced: string | undefined, variable: string | undefined) => {
      if (braced === undefined && !bare) return whole;
      const name = braced ?? variable ?? '';
      const value = lookup(name);
      if (value === undefined) unknown.add(whole);
      return value ?? whole;
    },
  );
  for (const reference of unknown) onUnknown?.(reference);
  return expanded;
}

/**
 * Looks keys up in the manifest before the environment. A value may refer to others; one that refers to
 * itself, on whatever way, means what the environment has: `PATH: /opt/bin:${PATH}`.
 */
export function manifestLookup(
  keys: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Lookup {
  // Each is expanded once: references that multiply would take for ever.
  const known = new Map<string, string | undefined>();
  const lookup: Lookup = (name) => {
    const written = keys.get(name);
    if (written === undefined) return env[name];
    if (known.has(name)) return known.get(name);
    known.set(name, env[name]);
    const unknown: string[] = [];
    const text = expand(written, { lookup, onUnknown: (each) => unknown.push(each) });
    const value = unknown.length === 0 && text.length <= LONGEST ? text : undefined;
    known.set(name, value);
    return value;
  };
  return lookup;
}

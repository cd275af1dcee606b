import type { Node } from 'yaml';
import type { ManifestSource } from './source.js';

/** MB in one of each unit; a number alone is MB. */
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1 / 1_024, m: 1, g: 1_024, t: 1_024 * 1_024 };

/** `256`, `256M`, `1.5GB`, in MB. */
export function readMemory(source: ManifestSource, node: Node | null): number | undefined {
  const text = source.text(node, 'memory');
  if (text === undefined) return undefined;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? [];
  const value = Number(amount) * (UNITS[unit.toLowerCase()] ?? NaN);
  if (value > 0 && Number.isFinite(value)) return Math.max(1, Math.round(value));
  source.error(node, `memory has to be MB, or a number with a unit like 512M or 1G, not ${text}`);
  return undefined;
}

/** 1 to 1000. */
export function readInstances(source: ManifestSource, node: Node | null): number | undefined {
  const text = source.text(node, 'instances');
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,4}$/.test(text) && value >= 1 && value <= 1_000) return value;
  source.error(node, `instances has to be a whole number from 1 to 1000, not ${text}`);
  return undefined;
}

/** True or false, false where nothing stands there. */
export function readFlag(source: ManifestSource, node: Node | null, what: string): boolean {
  const text = source.text(node, what)?.toLowerCase();
  if (text === 'true' || text === 'yes') return true;
  if (text !== undefined && text !== 'false' && text !== 'no')
    source.error(node, `${what} has to be true or false, not ${text}`);
  return false;
}

/** A list of texts, or one text alone. */
export function readTexts(source: ManifestSource, node: Node | null, what: string): string[] {
  const nodes = source.kind(node) === 'value' ? [node] : source.items(node, what);
  return nodes.flatMap((each) => source.text(each, `each of ${what}`) ?? []);
}

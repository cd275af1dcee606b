import { HarborError } from '@harbor/core';
import { instanceName, parse, planOfName, PLANS, serviceParameters } from '@harbor/wire';
import type { Node } from 'yaml';
import type { ManifestSource } from './source.js';

/** How much of a name is repeated to whoever wrote it. */
const SHOWN = 64;

/** What keeps a name from being one of an application or a service. */
export function nameFault(name: string): string | undefined {
  if (name.trim() === '') return 'must not be empty';
  const { success, error } = instanceName.safeParse(name);
  if (success) return undefined;
  return error.issues.some(({ code }) => code === 'too_big')
    ? 'must have at most 255 characters'
    : 'must be printable text';
}

/** A text as a message repeats it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/** The plan of a service; an error where there is none of this name. */
export function readPlan(source: ManifestSource, node: Node | null): string | undefined {
  const plan = source.text(node, 'plan');
  if (plan === undefined || planOfName(plan)) return plan;
  const known = PLANS.map(({ name }) => name).join(', ');
  source.error(node, `there is no plan ${shown(plan)}; the plans are ${known}`);
  return undefined;
}

/** The parameters of a service, as `create-service -c` takes them; an error for each that it would refuse. */
export function readParameters(
  source: ManifestSource,
  node: Node | null,
): Record<string, unknown> | undefined {
  const entries = source.entries(node, 'parameters');
  if (source.kind(node) !== 'mapping') return undefined;
  const value = source.json(node);
  if (value === undefined) return undefined;
  for (const { field, problem } of faultsOf(value)) {
    const [key] = field.split(/[.[]/);
    const unknown = entries.find((each) => !Object.hasOwn(serviceParameters.shape, each.key));
    const at = field === '' ? unknown?.at : entries.find((each) => each.key === key)?.value;
    source.error(at ?? node, field === '' ? problem : `${field}: ${problem}`);
  }
  return value as Record<string, unknown>;
}

interface Fault {
  readonly field: string;
  readonly problem: string;
}

function faultsOf(value: unknown): readonly Fault[] {
  try {
    parse(serviceParameters, value, 'HARBOR_MANIFEST_INVALID', 'parameters');
    return [];
  } catch (thrown) {
    if (!(thrown instanceof HarborError)) throw thrown;
    return thrown.details.problems as readonly Fault[];
  }
}

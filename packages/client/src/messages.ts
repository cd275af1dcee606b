/** What an instance serves at its port. */
export type Protocol = 'tcp' | 'udp' | 'both';

/** `harbor.register` and `harbor.unregister` as they travel. */
export interface RegisterMessage {
  dea: string;
  app: string;
  app_name?: string;
  instance: string;
  index?: number;
  service: string;
  host: string;
  port: number;
  protocol?: Protocol;
  tags?: Record<string, string>;
}

/** `harbor.start`, and the answer to `harbor.greet`. */
export interface StartMessage {
  /** The node that greets. */
  id: string;
  /** Its addresses. */
  hosts: string[];
  /** Register this often, s. */
  minimumRegisterIntervalInSeconds: number;
  /** After this long without a word an instance is dropped, s. */
  pruneThresholdInSeconds: number;
}

export const SUBJECTS = {
  start: 'harbor.start',
  greet: 'harbor.greet',
  register: 'harbor.register',
  unregister: 'harbor.unregister',
} as const;

/** What a node said, or undefined where it is not what a node says. Unknown fields are left out. */
export function parseStart(text: string): StartMessage | undefined {
  const { id, hosts, minimumRegisterIntervalInSeconds, pruneThresholdInSeconds } = fieldsOf(text);
  if (typeof id !== 'string' || id.length < 1 || id.length > 255) return undefined;
  if (!Array.isArray(hosts) || !hosts.every((host): host is string => typeof host === 'string'))
    return undefined;
  if (!isFinite(minimumRegisterIntervalInSeconds) || !isFinite(pruneThresholdInSeconds)) return undefined;
  return { id, hosts, minimumRegisterIntervalInSeconds, pruneThresholdInSeconds };
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Whatever else speaks on the subject is none of ours.
    return {};
  }
}

import { median, type Figure } from '../figures.js';
import { METRICS, type ContenderName, type MetricName, type Samples } from './metrics.js';

/** What one plane has to reach beside the better one of others. */
interface Goal {
  readonly metric: MetricName;
  readonly of: keyof typeof RIVALS;
  readonly kernel?: number;
  readonly relay?: number;
}

const RIVALS = {
  'the better one as shipped': ['haproxy-shipped', 'nginx-shipped'],
  'the better one tuned': ['haproxy-tuned', 'nginx-tuned'],
  'the best of HAProxy and nginx': ['haproxy-shipped', 'haproxy-tuned', 'nginx-shipped', 'nginx-tuned'],
  'the better HAProxy': ['haproxy-shipped', 'haproxy-tuned'],
  'the better nginx': ['nginx-shipped', 'nginx-tuned'],
  direct: ['direct'],
} as const satisfies Readonly<Record<string, readonly ContenderName[]>>;

/** Ratios: at least so much where more is better, at most so much where less is. */
const GOALS: readonly Goal[] = [
  ...(['up', 'down'] as const).flatMap((metric): Goal[] => [
    { metric, of: 'the better one as shipped', kernel: 2.2, relay: 1.2 },
    { metric, of: 'the better one tuned', kernel: 1.6, relay: 0.95 },
    { metric, of: 'direct', kernel: 0.9 },
  ]),
  { metric: 'requests', of: 'the best of HAProxy and nginx', kernel: 1.45, relay: 0.95 },
  { metric: 'requests', of: 'direct', kernel: 0.8 },
  { metric: 'connects', of: 'the best of HAProxy and nginx', kernel: 1.2, relay: 0.7 },
  { metric: 'requestP99', of: 'the best of HAProxy and nginx', kernel: 0.6, relay: 1.5 },
  { metric: 'steadyP99', of: 'the best of HAProxy and nginx', kernel: 0.6, relay: 1.5 },
  { metric: 'firstByteP99', of: 'the best of HAProxy and nginx', kernel: 0.6, relay: 1.5 },
  { metric: 'datagrams', of: 'the better nginx', kernel: 2, relay: 0.7 },
  { metric: 'memory', of: 'the better HAProxy', relay: 1.5 },
];

/** What idle connections may take in Harbor where the kernel holds them, MB: nothing but noise. */
const NOISE = 2;

export const RATIOS = 'Harbor beside the others';

/** The ratios of the medians, with their goals, for all that was measured. */
export function ratios(samples: Samples): Figure[] {
  const figures = (['kernel', 'relay'] as const).flatMap((plane) =>
    GOALS.flatMap((goal) => ratio(samples, plane, goal)),
  );
  const held = samples.of('memory', 'harbor-kernel');
  if (held.length === 0) return figures;
  const none = { name: `kernel: ${METRICS.memory.title}`, value: median(held), unit: 'MB', atMost: NOISE };
  return [...figures, { ...none, group: RATIOS, note: `${NOISE} MB are noise` }];
}

function ratio(samples: Samples, plane: 'kernel' | 'relay', goal: Goal): Figure[] {
  const wanted = goal[plane];
  const ours = samples.of(goal.metric, `harbor-${plane}`);
  const theirs = RIVALS[goal.of]
    .map((rival) => samples.of(goal.metric, rival))
    .filter((each) => each.length > 0)
    .map(median);
  if (wanted === undefined || ours.length === 0 || theirs.length === 0) return [];
  const { title, better } = METRICS[goal.metric];
  const best = better === 'more' ? Math.max(...theirs) : Math.min(...theirs);
  const limit = better === 'more' ? { atLeast: wanted } : { atMost: wanted };
  const name = `${plane}: ${title}, to ${goal.of}`;
  return [{ name, group: RATIOS, value: median(ours) / best, unit: '×', ...limit }];
}

import { paint, table } from '@harbor/terminal';
import type { ApplicationEvent } from '../dea/event.js';
import type { RunService } from '../dea/run-service.js';
import { clientAddress } from '../services/services.js';

/** How an instance does, as far as its events say. */
export interface InstanceView {
  readonly state:
    'waits for its turn' | 'starts' | 'listens not yet' | 'serves' | 'restarts' | 'stops' | 'stopped';
  readonly pid?: number;
  /** Service and address, each once. */
  readonly serves: readonly string[];
  /** What there is to know beside the state. */
  readonly remark?: string;
}

/** What the live table shows. */
export interface RunView {
  readonly app: string;
  readonly services: readonly Pick<RunService, 'name' | 'protocol' | 'credentials'>[];
  readonly instances: readonly InstanceView[];
}

const WAITS: InstanceView = { state: 'waits for its turn', serves: [] };

export function emptyView(app: string, instances: number): RunView {
  return { app, services: [], instances: Array.from({ length: instances }, () => WAITS) };
}

/** The view after an event. */
export function viewAfter(view: RunView, event: ApplicationEvent): RunView {
  const instances = [...view.instances];
  instances[event.index] = instanceAfter(instances[event.index] ?? WAITS, event);
  return { ...view, instances };
}

function instanceAfter(before: InstanceView, event: ApplicationEvent): InstanceView {
  const { pid, service = '?', address = '?', message } = event;
  const known = before.pid === undefined ? {} : { pid: before.pid };
  switch (event.event) {
    case 'output':
      return before;
    case 'starting':
      return { state: 'starts', serves: [], ...(pid === undefined ? {} : { pid }) };
    case 'waiting':
      return { ...before, state: 'listens not yet', remark: `has to listen at ${address} for ${service}` };
    case 'registered': {
      const where = `${service} ${address}`;
      const serves = before.serves.includes(where) ? before.serves : [...before.serves, where];
      return { state: 'serves', serves, ...known };
    }
    case 'exited':
      return { state: 'restarts', serves: [], remark: message.replace(/^instance \d+ /, '') };
    case 'restarting': {
      const wait = message.replace(/^.* in /, 'again in ');
      return { state: 'restarts', serves: [], remark: [before.remark, wait].filter(Boolean).join(', ') };
    }
    case 'stopping':
      return { state: 'stops', serves: before.serves, ...known };
    case 'stopped':
      return { state: 'stopped', serves: [] };
  }
}

const COLOURS = {
  'waits for its turn': 'grey',
  starts: 'yellow',
  'listens not yet': 'yellow',
  serves: 'green',
  restarts: 'red',
  stops: 'yellow',
  stopped: 'grey',
} as const;

/** What Ctrl-C would do now. */
function hint(instances: readonly InstanceView[]): string {
  if (instances.some(({ state }) => state === 'stops')) return '; Ctrl-C again ends them at once';
  return instances.every(({ state }) => state === 'stopped') ? '' : '; Ctrl-C ends them';
}

/** The table, in as many lines as fit. */
export function renderView(view: RunView, { rows }: { readonly rows: number }): string[] {
  const { app, services, instances } = view;
  const serving = instances.filter(({ state }) => state === 'serves').length;
  const head = `${paint('bold', app)}  ${serving} of ${instances.length} serve${hint(instances)}`;
  const ports = services.map((service) => [
    service.name,
    service.protocol,
    clientAddress(service.credentials),
  ]);
  const lines = [
    head,
    ...(ports.length > 0 ? table([['service', 'protocol', 'clients connect to'], ...ports]).split('\n') : []),
  ];
  // Half of the terminal is for what the instances say.
  const room = Math.max(3, Math.floor(rows / 2) - lines.length - 1);
  const fits = instances.length <= room;
  const shown = fits ? instances : instances.slice(0, room - 1);
  const cells = shown.map(({ state, pid, serves, remark }, index) => [
    String(index),
    paint(COLOURS[state], state),
    pid === undefined ? '-' : String(pid),
    [...serves, ...(remark === undefined ? [] : [remark])].join(', '),
  ]);
  lines.push(...table([['instance', 'state', 'pid', 'at'], ...cells]).split('\n'));
  if (!fits) lines.push(paint('grey', `and ${instances.length - shown.length} more`));
  return lines;
}

import { isLive, LiveArea, note, paint, say } from '@harbor/terminal';
import type { ApplicationEvent } from '../dea/event.js';
import type { RunService } from '../dea/run-service.js';
import { clientAddress } from '../services/services.js';
import { emptyView, renderView, viewAfter } from './live-view.js';

/** Shows whoever started it how an application does. */
export interface Watch {
  readonly tell: (event: ApplicationEvent) => void;
  /** Something done, for people. */
  readonly say: (line: string) => void;
  /** A warning, or something to know. */
  readonly note: (line: string) => void;
  readonly services: (services: readonly RunService[]) => void;
  readonly close: () => void;
}

export interface WatchOptions {
  readonly app: string;
  readonly instances: number;
  readonly json: boolean;
}

const NO_PORT =
  'no service is given or bound to it, so it gets no port; give one with --service NAME, or in its manifest';

/** JSON lines where they are asked for, a live table on a terminal, plain lines elsewhere. */
export function openWatch(options: WatchOptions): Watch {
  if (options.json) return jsonWatch(options);
  return isLive() ? liveWatch(options) : plainWatch(options);
}

function jsonWatch({ app }: WatchOptions): Watch {
  return {
    tell: (event) => say(JSON.stringify({ time: new Date().toISOString(), app, ...event })),
    say: note,
    note,
    services: (services) => {
      if (services.length === 0) note(NO_PORT);
    },
    close: () => undefined,
  };
}

/** One line for each event; what the instances print themselves keeps its stream. */
function plainWatch({ app }: WatchOptions): Watch {
  const tell = (line: string): void => say(`${paint('bold', app)}: ${line}`);
  return {
    tell: ({ event, index, message, stream }) => {
      if (event !== 'output') tell(message);
      else (stream === 'stderr' ? note : say)(`${paint('grey', `[${app}/${index}]`)} ${message}`);
    },
    say: tell,
    note,
    services: (services) => {
      for (const service of services) tell(`${service.name}: ${serviceLine(service)}`);
      if (services.length === 0) note(NO_PORT);
    },
    close: () => undefined,
  };
}

/** A table that changes in its place; what the instances print, and what is to be known, goes by above it. */
function liveWatch({ app, instances }: WatchOptions): Watch {
  const area = new LiveArea(process.stdout);
  let view = emptyView(app, instances);
  const show = (): void => area.show((size) => renderView(view, size));
  const print = (line: string): void => area.print(line);
  return {
    tell: (event) => {
      view = viewAfter(view, event);
      if (event.event === 'output') print(`${paint('grey', `[${app}/${event.index}]`)} ${event.message}`);
      else if (event.event === 'exited') print(`${paint('red', app)}: ${event.message}`);
      show();
    },
    say: (line) => print(`${paint('bold', app)}: ${line}`),
    note: (line) => print(paint('yellow', line)),
    services: (services) => {
      view = { ...view, services };
      if (services.length === 0) print(paint('yellow', NO_PORT));
      show();
    },
    close: () => area.close(),
  };
}

function serviceLine({ protocol, credentials }: RunService): string {
  return `${protocol}, clients connect to ${clientAddress(credentials)}`;
}

import { runCommand, startCommand, type Ended } from './commands.js';
import { eventually } from './eventually.js';
import { freePort, freeRange } from './ports.js';
import type { Scope } from './scope.js';
import { temporaryDirectory } from './servers.js';
import type { ExplainView, ServiceView } from '@harbor/wire';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The checkout under test: packages/testbed/dist/src → four levels up. */
export const CHECKOUT = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');

/** A line of a log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface TestHarborOptions {
  /** How many ports its range has. */
  readonly ports?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** The network namespace it lives in. */
  readonly netns?: string;
  /** It is not started: the test does that. */
  readonly stopped?: boolean;
  /** A command, with its arguments, that runs each of its own: `setpriv …`. */
  readonly through?: readonly string[];
  /** The processes it starts; all, where it is left out. */
  readonly processes?: readonly string[];
}

/** A whole Harbor in a home of its own, on free ports, driven as people drive it. */
export class TestHarbor {
  private constructor(
    readonly home: string,
    readonly env: NodeJS.ProcessEnv,
    readonly range: { readonly low: number; readonly high: number },
    readonly netns: string | undefined,
    readonly through: readonly string[],
  ) {}

  /** Starts one; it is stopped and removed with the test. */
  static async start(t: Scope, options: TestHarborOptions = {}): Promise<TestHarbor> {
    const { ports = 20, env = {}, netns, through = [], processes = [], stopped = false } = options;
    const directory = temporaryDirectory();
    const range = await freeRange(ports);
    const harbor = new TestHarbor(
      directory.path,
      {
        PATH: process.env.PATH,
        HOME: directory.path,
        HARBOR_HOME: directory.path,
        HARBOR_REDIS_PORT: String(await freePort()),
        NATS_SERVER_PORT: String(await freePort()),
        HARBOR_GATEWAY_PORT: String(await freePort()),
        HARBOR_NODE_PORT_RANGE: `${range.low}-${range.high}`,
        HARBOR_NODE_HOST: '127.0.0.1',
        // What a test registers once has to last for the test, however slow the machine is.
        HARBOR_NODE_PRUNE_THRESHOLD: '3600',
        ...env,
      },
      range,
      netns,
      through,
    );
    t.teardown(async () => {
      await harbor.kato('stop');
      directory.remove();
    });
    if (!stopped) await harbor.must('kato', 'start', ...processes);
    return harbor;
  }

  kato(...args: string[]): Promise<Ended> {
    return this.#command('kato', args);
  }

  harbor(...args: string[]): Promise<Ended> {
    return this.#command('harbor', args);
  }

  /** `harbor`, started in a folder. */
  harborIn(cwd: string, ...args: string[]): Promise<Ended> {
    return this.#command('harbor', args, cwd);
  }

  /** A command that has to succeed; resolves with what it printed. */
  async must(program: 'kato' | 'harbor', ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#command(program, args);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  async create(name: string, parameters?: object): Promise<ServiceView & { readonly port: number }> {
    const more = parameters ? ['-c', JSON.stringify(parameters)] : [];
    return JSON.parse(
      await this.must('harbor', 'create-service', 'harbor', name, '--json', ...more),
    ) as ServiceView & { port: number };
  }

  async services(): Promise<ServiceView[]> {
    return JSON.parse(await this.must('harbor', 'services', '--json')) as ServiceView[];
  }

  /** What is known of a port; asked again where a process, away or only busy, did not answer in its time. */
  async explain(what: string | number): Promise<ExplainView> {
    for (let left = 2; ; left--) {
      const text = await this.must('harbor', 'explain', String(what), '--json');
      const view = JSON.parse(text) as ExplainView;
      if (view.unavailable.length === 0 || left === 0) return view;
    }
  }

  /** Resolves when the service has as many backends that the connector knows, too. */
  async backends(service: string, count: number): Promise<ExplainView['backends']> {
    return eventually(`${service} to have ${count} backends`, async () => {
      const { backends } = await this.explain(service);
      return backends.length === count && backends.every(({ health }) => health !== 'unknown') && backends;
    });
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.must('kato', 'status', '--json')) as Status;
  }

  async process(name: string): Promise<ProcessStatus> {
    const found = (await this.status()).roles
      .flatMap(({ processes }) => processes)
      .find((each) => each.name === name);
    if (!found) throw new Error(`there is no process ${name}`);
    return found;
  }

  /** Ends a process as a crash would, and resolves when another one serves in its place. */
  async crash(name: string): Promise<void> {
    const { pid } = await this.process(name);
    if (pid === null) throw new Error(`${name} does not run`);
    process.kill(pid, 'SIGKILL');
    await eventually(`${name} to serve again`, async () => {
      const now = await this.process(name);
      return now.state === 'RUNNING' && now.pid !== pid;
    });
  }

  /** Every process of this home: whoever has it in its environment. */
  pids(): number[] {
    const mine = `HARBOR_HOME=${this.home}\0`;
    return readdirSync('/proc').flatMap((entry) => {
      try {
        const environment = /^\d+$/.test(entry) ? readFileSync(`/proc/${entry}/environ`, 'utf8') : '';
        return `${environment}\0`.includes(mine) ? [Number(entry)] : [];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  }

  logFile(name: string): string {
    return join(this.home, 'logs', `${name}.log`);
  }

  /** The lines of a log as they are now, without one that is being written. */
  log(name: string): LogLine[] {
    return readFileSync(this.logFile(name), 'utf8')
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** Resolves with the first line of a log that fits. */
  logged(name: string, fits: (line: LogLine) => boolean): Promise<LogLine> {
    return eventually(`a line in ${name}.log`, () => this.log(name).find(fits));
  }

  async natsUrl(): Promise<string> {
    const info = JSON.parse(await this.must('kato', 'info', '--json', '--secrets')) as { nats_url: string };
    return info.nats_url;
  }

  /** `harbor run`, started in the checkout or in a folder given, ended with the test. */
  run(t: Scope, args: readonly string[], { cwd = CHECKOUT }: { readonly cwd?: string } = {}): RunningApp {
    const child = startCommand(process.execPath, [join(CHECKOUT, 'bin/harbor'), 'run', ...args], {
      env: this.env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...this.#place,
    });
    const lines: string[] = [];
    for (const input of [child.stdout, child.stderr])
      if (input) createInterface({ input }).on('line', (line) => lines.push(line));
    const ended = new Promise<number>((done) => child.once('exit', (code) => done(code ?? -1)));
    const app: RunningApp = {
      lines,
      pid: child.pid ?? 0,
      ended,
      said: (pattern, times = 1) =>
        eventually(`${String(pattern)} in:\n${lines.join('\n')}`, () => {
          const found = lines.filter((line) => pattern.test(line));
          return found.length >= times && found;
        }),
      async stop(signal = 'SIGINT') {
        child.kill(signal);
        return ended;
      },
    };
    t.teardown(() => app.stop());
    return app;
  }

  #command(program: string, args: readonly string[], cwd = CHECKOUT): Promise<Ended> {
    const words = [...this.through, process.execPath, join(CHECKOUT, 'bin', program), ...args];
    return runCommand('env', words, {
      env: this.env,
      cwd,
      ...this.#place,
    });
  }

  get #place(): { readonly netns?: string } {
    return this.netns === undefined ? {} : { netns: this.netns };
  }
}

/** `harbor run` as it goes on. */
export interface RunningApp {
  readonly lines: readonly string[];
  readonly pid: number;
  /** Resolves with its exit code. */
  readonly ended: Promise<number>;
  /** Resolves with the lines that fit when there are as many. */
  said(pattern: RegExp, times?: number): Promise<string[]>;
  stop(signal?: NodeJS.Signals): Promise<number>;
}

export interface ProcessStatus {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly uptime_s: number | null;
  readonly restarts: number;
}

/** `kato status --json` */
export interface Status {
  readonly node_id: string;
  readonly roles: readonly { readonly name: string; readonly processes: readonly ProcessStatus[] }[];
  readonly ports: {
    readonly range: string;
    readonly used: number | null;
    readonly free: number | null;
    readonly conflicts: readonly {
      readonly port: number;
      readonly protocol: string;
      readonly service: string;
      readonly pid: number | null;
      readonly command: string | null;
    }[];
  };
}

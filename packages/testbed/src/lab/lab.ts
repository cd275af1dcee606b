import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runCommand, startCommand } from '../commands.js';
import type { ListenAt } from '../backends.js';
import { UDP_TRIES } from '../clients.js';
import type { Scope } from '../scope.js';
import type { LoadReport, LoadTarget } from './load.js';

const AGENT = fileURLToPath(new URL('./agent.js', import.meta.url));

/** A host of the lab: a network namespace, and an agent in it that does what a test asks. */
export class LabHost {
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: string }) => void>();
  #agent: ChildProcess | undefined;
  #questions = 0;

  constructor(
    readonly netns: string,
    readonly ipv4: string,
    readonly ipv6: string,
  ) {}

  greeting(port: number, host: string): Promise<string> {
    return this.#ask('greeting', port, host) as Promise<string>;
  }

  greetings(port: number, count: number, host: string): Promise<string[]> {
    return this.#ask('greetings', port, count, host) as Promise<string[]>;
  }

  askUdp(port: number, text: string, host: string, tries = UDP_TRIES): Promise<string> {
    return this.#ask('askUdp', port, text, host, tries) as Promise<string>;
  }

  tcpBackend(name: string, at: ListenAt): Promise<{ handle: number; port: number }> {
    return this.#ask('tcpBackend', name, at) as Promise<{ handle: number; port: number }>;
  }

  udpBackend(name: string, at: ListenAt): Promise<{ handle: number; port: number }> {
    return this.#ask('udpBackend', name, at) as Promise<{ handle: number; port: number }>;
  }

  open(port: number, host: string): Promise<{ handle: number; greeted: string }> {
    return this.#ask('open', port, host) as Promise<{ handle: number; greeted: string }>;
  }

  exchange(handle: number, text: string): Promise<string> {
    return this.#ask('exchange', handle, text) as Promise<string>;
  }

  close(handle: number): Promise<unknown> {
    return this.#ask('close', handle);
  }

  /** Starts a load; it goes on until `stopLoad`. */
  load(target: LoadTarget): Promise<number> {
    return this.#ask('load', target) as Promise<number>;
  }

  /** How a load has gone so far. */
  loadReport(handle: number): Promise<LoadReport> {
    return this.#ask('loadReport', handle) as Promise<LoadReport>;
  }

  /** Ends a load; resolves when all that it started has ended. */
  stopLoad(handle: number): Promise<LoadReport> {
    return this.#ask('stopLoad', handle) as Promise<LoadReport>;
  }

  publish(url: string, subject: string, message: object): Promise<unknown> {
    return this.#ask('publish', url, subject, JSON.stringify(message));
  }

  /** Runs a command in the namespace; it has to succeed. */
  async run(program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runCommand(program, args, { netns: this.netns });
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} in ${this.netns}: ${stderr}`);
    return stdout;
  }

  /** To how many backends this host's kernel leads the connections of a listener, `tcp/35000` say. */
  async kernelTargets(key: string): Promise<number> {
    const maps = ['targets4', 'targets6'].map((map) =>
      this.run('nft', 'list', 'map', 'inet', 'harbor', map).catch(() => ''),
    );
    return (await Promise.all(maps)).join('\n').split(`${key.replace('/', ' . ')} . 0x`).length - 1;
  }

  end(): void {
    // Who still waits for an answer has ended, too.
    this.#waiting.clear();
    this.#agent?.kill('SIGKILL');
  }

  #ask(call: string, ...args: readonly unknown[]): Promise<unknown> {
    const agent = (this.#agent ??= this.#start());
    const id = ++this.#questions;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${this.netns}: ${error}`));
      });
      agent.stdin?.write(`${JSON.stringify({ id, call, args })}\n`);
    });
  }

  #start(): ChildProcess {
    const agent = startCommand(process.execPath, [AGENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
      netns: this.netns,
    });
    agent.stdin?.on('error', () => undefined);
    agent.once('exit', () => {
      for (const answer of [...this.#waiting.values()]) answer({ error: 'its agent has ended' });
    });
    if (agent.stdout)
      createInterface({ input: agent.stdout }).on('line', (line) => {
        const answer = JSON.parse(line) as { id: number; result?: unknown; error?: string };
        this.#waiting.get(answer.id)?.(answer);
      });
    return agent;
  }
}

/** Four hosts: a client, Harbor's, and two for backends, each joined to Harbor's by a cable of its own. */
export interface Lab {
  readonly client: LabHost;
  readonly harbor: LabHost;
  readonly one: LabHost;
  readonly two: LabHost;
}

let labs = 0;

/**
 * Why no lab can be built here, for a test to be skipped with; undefined where one can. Where CI is set it
 * always claims to be possible: there, what cannot be tested has to fail.
 */
export async function whyNoLab(): Promise<string | undefined> {
  if (process.env.CI === 'true') return undefined;
  const name = `hb${process.pid}try`;
  const { code, stderr } = await runCommand('ip', ['netns', 'add', name]);
  if (code !== 0) return `no network namespaces here: ${stderr.trim() || 'ip cannot be run'}`;
  const nft = await runCommand('nft', ['list', 'tables'], { netns: name });
  await runCommand('ip', ['netns', 'del', name]);
  return nft.code === 0 ? undefined : `no nftables here: ${nft.stderr.trim() || 'nft cannot be run'}`;
}

/**
 * Builds a lab of network namespaces, IPv4 and IPv6, Harbor's host forwarding between the others. Needs
 * root. It goes with the test.
 */
export async function buildLab(scope: Scope): Promise<Lab> {
  const prefix = `hb${process.pid}x${labs++}`;
  const harbor = new LabHost(`${prefix}h`, '10.77.0.1', 'fd77::1');
  const others = ['c', 'a', 'b'].map(
    (name, at) => new LabHost(`${prefix}${name}`, `10.77.${at + 1}.2`, `fd77:${at + 1}::2`),
  );
  scope.teardown(async () => {
    for (const host of [harbor, ...others]) {
      host.end();
      await runCommand('ip', ['netns', 'del', host.netns]);
    }
  });
  for (const host of [harbor, ...others]) {
    await must('ip', 'netns', 'add', host.netns);
    await host.run('ip', 'link', 'set', 'lo', 'up');
  }
  for (const [at, host] of others.entries()) {
    const [here, there] = [`e${at}`, 'eth0'];
    const cable = ['link', 'add', here, 'netns', harbor.netns, 'type', 'veth', 'peer', 'name', there];
    await must('ip', ...cable, 'netns', host.netns);
    await join(harbor, here, `10.77.${at + 1}.1`, `fd77:${at + 1}::1`);
    await join(host, there, host.ipv4, host.ipv6);
    await host.run('ip', 'route', 'add', 'default', 'via', `10.77.${at + 1}.1`);
    await host.run('ip', '-6', 'route', 'add', 'default', 'via', `fd77:${at + 1}::1`);
  }
  await harbor.run('ip', 'address', 'add', `${harbor.ipv4}/32`, 'dev', 'lo');
  await harbor.run('ip', 'address', 'add', `${harbor.ipv6}/128`, 'dev', 'lo', 'nodad');
  await harbor.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  const [client, one, two] = others;
  if (!client || !one || !two) throw new Error('the lab has four hosts');
  return { client, harbor, one, two };
}

async function join(host: LabHost, device: string, ipv4: string, ipv6: string): Promise<void> {
  await host.run('ip', 'address', 'add', `${ipv4}/24`, 'dev', device);
  await host.run('ip', 'address', 'add', `${ipv6}/64`, 'dev', device, 'nodad');
  await host.run('ip', 'link', 'set', device, 'up');
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

import { HarborError } from '@harbor/core';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { MemoryLimit } from '../dea/berth.js';
import { isLeft, namespaceName, type Owner } from './owner.js';

/** Where Linux has its control groups. */
const ROOT = '/sys/fs/cgroup';
/** How long the processes of a group that were killed may take to be gone, and how often that is looked at, ms. */
const PATIENCE = 5_000;
const EVERY = 20;

/** The files of one version of control groups (Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst). */
interface Version {
  /** Below the root. */
  readonly folder: string;
  /** It has the memory controller where this file is. */
  readonly mark: string;
  readonly limit: string;
  /** Written where it is there: swap would only put the end off. */
  readonly more: (bytes: number) => Readonly<Record<string, string>>;
  /** Has a line `oom_kill N`. */
  readonly events: string;
}

const VERSIONS: readonly Version[] = [
  {
    folder: '',
    mark: 'cgroup.subtree_control',
    limit: 'memory.max',
    more: () => ({ 'memory.swap.max': '0', 'memory.oom.group': '1' }),
    events: 'memory.events',
  },
  {
    folder: 'memory',
    mark: 'memory.limit_in_bytes',
    limit: 'memory.limit_in_bytes',
    more: (bytes) => ({ 'memory.memsw.limit_in_bytes': String(bytes) }),
    events: 'memory.oom_control',
  },
];

/** The memory that one instance may need, kept by the kernel. */
export class InstanceMemory implements MemoryLimit {
  constructor(
    readonly directory: string,
    readonly megabytes: number,
    readonly events: string,
  ) {}

  /** A command that enters the group before it becomes what it is; so all that it starts is in there, too. */
  command(command: readonly string[]): readonly string[] {
    return ['sh', '-c', 'echo $$ >"$0" && exec "$@"', join(this.directory, 'cgroup.procs'), ...command];
  }

  /** True where the kernel has ended a process in here because there was not enough. */
  exceeded(): boolean {
    try {
      const count = /^oom_kill (\d+)$/m.exec(readFileSync(join(this.directory, this.events), 'utf8'))?.[1];
      return Number(count ?? 0) > 0;
    } catch {
      // Somebody took the group away: nobody can tell.
      return false;
    }
  }

  /** Errors: HARBOR_ISOLATION_UNAVAILABLE where a process in it does not end. */
  remove(): Promise<void> {
    return removeGroup(this.directory);
  }
}

/** Makes the control groups of instances; `harbor run` needs root for that. */
export class MemoryGroups {
  #next = 0;

  private constructor(
    readonly owner: Owner,
    readonly folder: string,
    readonly version: Version,
  ) {}

  /** What makes them; where they cannot be made the reason, for a person. */
  static open(owner: Owner, root = ROOT): MemoryGroups | string {
    for (const version of VERSIONS) {
      const folder = join(root, version.folder);
      if (!existsSync(join(folder, version.mark))) continue;
      if (!hasMemory(folder, version)) continue;
      try {
        accessSync(folder, constants.W_OK);
        return new MemoryGroups(owner, folder, version);
      } catch {
        return `${folder} cannot be written`;
      }
    }
    return `${root} has no memory controller that can be used`;
  }

  /** Errors: HARBOR_ISOLATION_UNAVAILABLE. */
  make(megabytes: number): InstanceMemory {
    const { limit, more, events } = this.version;
    const directory = join(this.folder, namespaceName(this.owner, this.#next++));
    const bytes = Math.round(megabytes * 1_024 * 1_024);
    try {
      mkdirSync(directory);
      writeFileSync(join(directory, limit), String(bytes));
      for (const [file, value] of Object.entries(more(bytes)))
        if (existsSync(join(directory, file))) writeFileSync(join(directory, file), value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HarborError('HARBOR_ISOLATION_UNAVAILABLE', `a limit of ${megabytes} MB: ${reason}`, {
        cause,
      });
    }
    return new InstanceMemory(directory, megabytes, events);
  }
}

/** Takes away the groups that a `harbor run` which was killed has left, and their processes; resolves with their names. */
export async function removeLeftGroups(root = ROOT): Promise<string[]> {
  const removed: string[] = [];
  for (const { folder } of VERSIONS)
    for (const name of namesIn(join(root, folder)).filter(isLeft)) {
      await removeGroup(join(root, folder, name));
      removed.push(name);
    }
  return removed;
}

/** In version 2 the controller has to be on for the groups below; in version 1 the folder is the controller. */
function hasMemory(folder: string, { mark, folder: below }: Version): boolean {
  if (below !== '') return true;
  const isOn = (): boolean => readFileSync(join(folder, mark), 'utf8').split(/\s+/).includes('memory');
  try {
    if (!isOn()) writeFileSync(join(folder, mark), '+memory');
    return isOn();
  } catch {
    // Another version may have it.
    return false;
  }
}

async function removeGroup(directory: string): Promise<void> {
  for (let tries = PATIENCE / EVERY; ; tries--) {
    for (const pid of pidsIn(directory)) kill(pid);
    try {
      rmdirSync(directory);
      return;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code === 'EBUSY' && tries > 0) {
        await after(EVERY);
        continue;
      }
      throw new HarborError(
        'HARBOR_ISOLATION_UNAVAILABLE',
        `${directory} cannot be removed: ${code ?? '?'}`,
        {
          cause,
        },
      );
    }
  }
}

function pidsIn(directory: string): number[] {
  try {
    const pids = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').map(Number);
    // A process of another pid namespace is listed as 0, which would mean our own group to kill.
    return pids.filter((pid) => pid > 0);
  } catch {
    // It has gone.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

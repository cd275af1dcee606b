import { HarborError } from '@harbor/core';
import { statSync, watch, readdirSync, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { FOLDERS } from './find.js';
import { loadServed, Unservable, type ServeOptions, type Served } from './served.js';

/** What happens to the certificates while they are served. */
export interface CertificateEvents {
  /** A new pair is served from now on. */
  onChange(served: Served): void;
  /** What lies there now cannot be served; what was served before still is. */
  onBad(error: HarborError): void;
  /** What is served has faults: at the start, with each change, and each day. */
  onFaults(served: Served): void;
}

/** The certificates of a service, kept as they lie in the application's folder. */
export interface Certificates {
  readonly served: Served;
  close(): void;
}

/** The folder is looked at this often, as well: not every file system tells of changes. ms */
const LOOK = 1_000;
/** A certificate and its key are written one after the other; they are read when this long nothing changed. ms */
const SETTLE = 100;
const DAY = 86_400_000;

/**
 * Loads a service's certificates and follows their files.
 * Errors: HARBOR_CERTIFICATE_MISSING, HARBOR_CERTIFICATE_INVALID.
 */
export function watchCertificates(options: ServeOptions, events: CertificateEvents): Certificates {
  const { root, clock } = options;
  let seen = signature(root);
  let served = load(options);
  let said = '';
  let closed = false;
  let settle: (() => void) | undefined;
  const cancel: Record<'look' | 'day', () => void> = { look: () => undefined, day: () => undefined };

  const renew = (): void => {
    settle = undefined;
    seen = signature(root);
    try {
      const next = load(options);
      said = '';
      if (next.print === served.print) return;
      served = next;
      events.onChange(served);
      if (served.faults.length > 0) events.onFaults(served);
    } catch (thrown) {
      if (!(thrown instanceof HarborError)) throw thrown;
      if (thrown.message !== said) events.onBad(thrown);
      said = thrown.message;
    }
  };
  const look = (): void => {
    if (closed || signature(root) === seen) return;
    seen = signature(root);
    settle?.();
    settle = clock.schedule(SETTLE, renew);
  };
  const watchers = new Map<string, FSWatcher>();
  const follow = (): void => {
    for (const folder of FOLDERS) {
      const path = join(root, folder);
      if (watchers.has(path)) continue;
      try {
        const watcher = watch(path, { persistent: false }, look);
        const end = (): void => void watchers.delete(path);
        watchers.set(path, watcher.once('error', end).once('close', end));
      } catch {
        // It is not there: the look at it finds it when it comes.
      }
    }
  };
  const looking = (): void => {
    follow();
    look();
    cancel.look = clock.schedule(LOOK, looking);
  };
  const daily = (): void => {
    renewFaults();
    cancel.day = clock.schedule(DAY, daily);
  };
  const renewFaults = (): void => {
    // Whether it has expired is a matter of the day, not of a change: no change may come, or a bad one.
    const faults = served.faultsAt(new Date(clock.now()));
    if (faults.length > 0) events.onFaults({ ...served, faults });
  };
  follow();
  cancel.look = clock.schedule(LOOK, looking);
  cancel.day = clock.schedule(DAY, daily);
  if (served.faults.length > 0) events.onFaults(served);
  return {
    get served() {
      return served;
    },
    close() {
      closed = true;
      settle?.();
      cancel.look();
      cancel.day();
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function load(options: ServeOptions): Served {
  try {
    return loadServed(options);
  } catch (cause) {
    if (!(cause instanceof Unservable)) throw cause;
    const { service } = options;
    throw new HarborError('HARBOR_CERTIFICATE_INVALID', `${service} cannot be served: ${cause.message}`, {
      details: { service, faults: cause.faults },
    });
  }
}

/** Changes whenever a file of the folders does. */
function signature(root: string): string {
  return FOLDERS.flatMap((folder) => {
    const path = join(root, folder);
    try {
      return readdirSync(path)
        .filter((file) => /\.(?:crt|key)$/.test(file))
        .map((file) => stamp(join(path, file)));
    } catch {
      return [`${folder} is away`];
    }
  }).join('\n');
}

function stamp(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [path, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return `${path} is away`;
  }
}

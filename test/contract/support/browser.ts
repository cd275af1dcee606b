import { runCommand, type Ended, type Scope } from '@harbor/testbed';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './folder.js';

/** Without a screen, as root, and without a word to anybody but the page's server. */
const FLAGS = [
  ...['--headless', '--disable-gpu', '--disable-dev-shm-usage', '--no-sandbox', '--no-first-run'],
  ...['--no-proxy-server', '--disable-background-networking', '--disable-component-update'],
];

/** A page that takes longer is given up, ms. */
const PATIENCE = 120_000;

/**
 * Loads a page in a Chromium that has no past and trusts these authorities (PEM files), too. It prints the page as
 * it is when it has loaded, or says why it has not.
 */
export async function browse(t: Scope, url: string, authorities: readonly string[]): Promise<Ended> {
  const home = folder(t, {});
  const store = join(home, '.pki/nssdb');
  mkdirSync(store, { recursive: true });
  await certutil('-N', '--empty-password', '-d', `sql:${store}`);
  for (const [at, file] of authorities.entries())
    await certutil('-A', '-n', `authority ${at}`, '-t', 'C,,', '-i', file, '-d', `sql:${store}`);
  return runCommand('chromium', [...FLAGS, '--dump-dom', url], {
    env: { PATH: process.env.PATH, HOME: home },
    timeout: PATIENCE,
  });
}

async function certutil(...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand('certutil', args);
  if (code !== 0) throw new Error(`certutil ${args.join(' ')}: ${stderr}`);
}

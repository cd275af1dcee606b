import { CHECKOUT } from '@harbor/testbed';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';

interface Compose {
  readonly services: Record<
    string,
    { readonly command?: string; readonly environment?: Record<string, string> }
  >;
}

t.test('docker-compose.yml - runs each process by its own launcher, with keys that exist', (t) => {
  const text = readFileSync(join(CHECKOUT, 'docker-compose.yml'), 'utf8');
  const { services } = parse(text, { merge: true }) as Compose;
  const keys = readFileSync(join(CHECKOUT, 'docs/reference/configuration.md'), 'utf8');
  for (const name of ['harbor_gateway', 'harbor_node', 'harbor_proxy_connector']) {
    const service = services[name];
    t.equal(service?.command, `bin/${name}`);
    accessSync(join(CHECKOUT, service?.command ?? ''), constants.X_OK);
    const own = Object.keys(service?.environment ?? {}).filter((key) => key !== 'HARBOR_HOME');
    t.ok(own.length > 0);
    for (const key of own) t.match(keys, `\`${key}\``, `${key} is a key`);
  }
  t.match(services.redis?.command, /appendfsync always/, 'what Harbor acknowledged is on disk');
  t.end();
});

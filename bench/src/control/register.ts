import { greeting, tcpBackend, TestDea, TestHarbor, type Scope } from '@harbor/testbed';
import { spread, type Figure } from '../figures.js';

const ROUNDS = 300;

/** From an instance's first word to the first client that reaches it. */
export async function benchRegister(scope: Scope): Promise<Figure[]> {
  const harbor = await TestHarbor.start(scope);
  const { id: service, port } = await harbor.create('web');
  const dea = await TestDea.start(scope, harbor);
  const backend = await tcpBackend(scope, 'here');
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await dea.register(backend, { service });
    await untilGreeted(port, 'here');
    samples.push(performance.now() - start);
    await dea.unregister(backend, { service });
    await untilGreeted(port, 'ECONNRESET');
  }
  return spread('register → first connection', samples, 50);
}

async function untilGreeted(port: number, wanted: string): Promise<void> {
  while ((await greeting(port)) !== wanted) await new Promise(setImmediate);
}

import { Store, type Follower } from '@harbor/store';
import { startRedis, type Scope, type TestServer } from '@harbor/testbed';

export interface State {
  readonly server: TestServer;
  readonly store: Store;
  /** Of what a node follows to give numbers out. */
  readonly follower: Follower;
}

/** A Redis of the test file's own and a store over it; they end with the tests. */
export async function startState(scope: Scope): Promise<State> {
  const server = await startRedis();
  const store = new Store({ url: server.url, onError: () => undefined });
  const follower = await store.follow(['service', 'port', 'int_port', 'cooling', 'backend'], {
    onReset: () => undefined,
    onChange: () => undefined,
  });
  scope.teardown(async () => {
    follower.close();
    store.close();
    await server.stop();
  });
  return { server, store, follower };
}

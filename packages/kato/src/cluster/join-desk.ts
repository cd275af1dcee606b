import type { Settings } from '@harbor/config';
import { asHarborError, HarborError, type Change, type KnownNode } from '@harbor/core';
import { openStore, overlayOfRecords, trusted, type Place } from '@harbor/runtime';
import type { Store } from '@harbor/store';
import type { CoreAccess, JoinReply, JoinRequest } from '@harbor/wire';
import { tokenId } from './token.js';

/** Lets nodes in that have a token. */
export class JoinDesk {
  constructor(
    readonly place: Place,
    readonly now: () => number,
  ) {}

  /** Never rejects: a refusal is an answer. */
  async answer(request: JoinRequest): Promise<JoinReply> {
    const store = openStore(this.place, this.place.load({}), () => undefined);
    try {
      return { joined: true, access: await this.#admit(store, request) };
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      return { joined: false, error: code, description: message };
    } finally {
      store.close();
    }
  }

  /**
   * Makes the node known and uses the token up, in one step: of two that come with one token one is let in.
   * Errors: HARBOR_JOIN_TOKEN_INVALID, HARBOR_NODE_EXISTS, HARBOR_REDIS_UNAVAILABLE, HARBOR_CONFIG_INVALID;
   * nothing is changed then.
   */
  async #admit(store: Store, { token, node_id, host, identity }: JoinRequest): Promise<CoreAccess> {
    const { records } = await store.snapshot(['join', 'node', 'service', 'config']);
    const id = tokenId(token);
    const known = records.find((record) => record.kind === 'join' && record.id === id);
    if (known?.kind !== 'join' || !known.value || known.value.expiresAt <= this.now()) throw invalid();
    const settings = this.place.load(overlayOfRecords(records));
    const taken = takenIds(records, settings.harbor_node.node_id);
    const before = records.find((record) => record.kind === 'node' && record.id === node_id);
    // A home that comes again, after a detach by force or a lost answer, is let in under its own id.
    const again = before?.kind === 'node' && before.value?.identity === identity;
    if (taken.has(node_id) && !again) throw exists(node_id, taken);
    const access = this.#access(settings);
    const value: KnownNode = { id: node_id, host, identity };
    const result = await store.commit({
      expect: [
        { kind: 'join', id, is: 'at', revision: known.revision },
        before
          ? { kind: 'node', id: node_id, is: 'at', revision: before.revision }
          : { kind: 'node', id: node_id, is: 'absent' },
      ],
      write: [
        { kind: 'join', id, value: undefined },
        { kind: 'node', id: node_id, value },
      ],
    });
    if (!result.done) throw result.unmet.kind === 'join' ? invalid() : exists(node_id, taken);
    return access;
  }

  /** Errors: HARBOR_CONFIG_INVALID where a `ca` cannot be read. */
  #access(settings: Settings): CoreAccess {
    const { username, password, token: gatewayToken } = settings.harbor_gateway;
    const { redis_password, nats_password } = this.place.secrets;
    return {
      ...{ redis_password, nats_password },
      redis_url: settings.harbor_redis.url,
      nats_url: settings.nats_server.url,
      // The certificates themselves: the node does not have the core's files.
      redis_ca: trusted(this.place, settings, 'harbor_redis') ?? null,
      nats_ca: trusted(this.place, settings, 'nats_server') ?? null,
      gateway_username: username,
      gateway_password: password,
      gateway_token: gatewayToken,
    };
  }
}

/** The core's own, those known, and those that have services. */
function takenIds(records: readonly Change[], own: string): Set<string> {
  const ids = records.flatMap(({ kind, value }) =>
    kind === 'node' && value ? [value.id] : kind === 'service' && value ? [value.node] : [],
  );
  return new Set([own, ...ids]);
}

function invalid(): HarborError {
  const message = 'the core does not know this token: it is wrong, has expired or was used before';
  return new HarborError('HARBOR_JOIN_TOKEN_INVALID', message);
}

function exists(id: string, taken: ReadonlySet<string>): HarborError {
  let number = 2;
  while (taken.has(`harbor_node_${number}`)) number++;
  const proposal = `attach it with --node-id harbor_node_${number}`;
  return new HarborError('HARBOR_NODE_EXISTS', `there is a node ${id} already; ${proposal}`);
}

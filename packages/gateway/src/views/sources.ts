import { withAddresses, type Credentials, type Instance, type Replica } from '@harbor/core';
import type { NodeDirectory } from '../nodes/directory.js';
import type { NodePresence } from '../nodes/presence.js';
import type { Reach } from '../nodes/reach.js';
import type { SharedState } from '../state/shared-state.js';

/** What the views are made of: the state, and where each node is reached now. */
export class ViewSources {
  constructor(
    readonly state: SharedState,
    readonly directory: NodeDirectory,
    readonly presence?: NodePresence,
    readonly reach?: Reach,
  ) {}

  get replica(): Replica {
    return this.state.replica;
  }

  /** An instance's credentials with the addresses its node has now; undefined until it is ready. */
  credentials(instance: Instance): Credentials | undefined {
    const { credentials } = instance;
    if (!credentials) return undefined;
    const addresses = this.directory.addresses(credentials.node_id);
    return addresses ? withAddresses(credentials, addresses) : credentials;
  }
}

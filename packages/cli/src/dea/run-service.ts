import type { Protocol } from '@harbor/core';
import type { BoundService } from '../app/environment.js';

/** A service the application is given. */
export interface RunService extends BoundService {
  readonly protocol: Protocol;
  /** Its node is this machine. */
  readonly local: boolean;
  /** Connections to an instance begin with a PROXY protocol header (parameter `proxy_protocol`). */
  readonly proxyProtocol: boolean;
}

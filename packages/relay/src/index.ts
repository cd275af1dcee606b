export { headerV1, headerV2, type Ends } from './proxy-protocol.js';
export type { BackendHealth } from './health.js';
export type { BackendFailure, ListenerStats, RelaySettings } from './listener.js';
export { Relay, type ListenFailure, type RelayEvents, type RelayOptions } from './relay.js';

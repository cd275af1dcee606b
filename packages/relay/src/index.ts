export * from './proxy-protocol/index.js';
export type { BackendHealth } from './health.js';
export type { BackendFailure, ListenerStats, RelaySettings } from './listener.js';
export { Relay, type ListenFailure, type RelayEvents, type RelayOptions } from './relay.js';
export { fastestEnds } from './ends/bare.js';
export type { End, Ends } from './ends/end.js';
export { streamEnds } from './ends/streams.js';

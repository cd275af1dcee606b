export * from './errors.js';
export type { BackendEvent, BackendOptions, NatsWhere } from './options.js';
export type { Protocol, RegisterMessage, StartMessage } from './messages.js';
export { registerBackend, type Registration } from './register.js';

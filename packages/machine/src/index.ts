export * from './addresses.js';
export * from './holder.js';
export * from './parent-death.js';
export * from './processes.js';
export * from './reserved-ports.js';
export * from './sockets.js';
export * from './time.js';

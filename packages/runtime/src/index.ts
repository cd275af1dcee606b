export * from './connections.js';
export * from './ephemeral.js';
export * from './live.js';
export * from './process.js';
export * from './readiness.js';
export * from './settings.js';
export * from './version.js';

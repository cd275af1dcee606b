export * from './commands.js';
export * from './eventually.js';
export * from './ports.js';
export * from './servers.js';

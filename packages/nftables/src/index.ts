export * from './capability.js';
export * from './command.js';
export * from './flows.js';
export * from './plane.js';
export * from './render.js';
export * from './rule.js';
export * from './table.js';
export * from './watch.js';

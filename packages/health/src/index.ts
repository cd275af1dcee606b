export * from './checker.js';
export * from './probes.js';

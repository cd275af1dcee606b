export * from './account.js';
export * from './component.js';
export * from './server.js';

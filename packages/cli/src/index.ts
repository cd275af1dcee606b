export * from './app/environment.js';
export { MANUAL, SUGGESTIONS } from './manual.js';
export { main, program } from './main.js';
export * from './manifest/index.js';

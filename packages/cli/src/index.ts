export * from './app/environment.js';
export { main } from './main.js';

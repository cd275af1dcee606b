export * from './address.js';
export * from './connector.js';
export * from './dea.js';
export * from './parameters.js';
export * from './parse.js';
export * from './records.js';
export * from './service-node.js';
export * from './subjects.js';
export { z } from 'zod';

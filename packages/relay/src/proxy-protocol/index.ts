export { readHeader, type HeaderRead } from './read.js';
export { headerV1, headerV2, type Endpoints } from './write.js';

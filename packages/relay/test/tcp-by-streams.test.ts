import { streamEnds } from '../src/index.js';
import { useEnds } from './support/rig.js';

/** All that holds for TCP holds as well where the relay has to go by Node's public streams. */
useEnds(streamEnds);
await import('./tcp-stream.test.js');
await import('./tcp-balance.test.js');
await import('./tcp-rules.test.js');

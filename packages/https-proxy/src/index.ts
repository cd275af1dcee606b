export { main } from './main.js';
export { Proxy, type ProxyOptions } from './server.js';

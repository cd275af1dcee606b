export { Gateway, type GatewayParts } from './gateway.js';
export { main } from './main.js';
export { startGateway, type GatewayContext } from './start.js';

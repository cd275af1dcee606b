export { Gateway, SERVICE_SUBJECT, type GatewayParts } from './gateway.js';

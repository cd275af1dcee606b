// An application behind Harbor: it greets whoever connects and echoes what it hears, over TCP, UDP or both,
// on every port it is given. It finds its ports where contract and documentation say: in STACKATO_SERVICES,
// and as a number alone in STACKATO_HARBOR, or STACKATO_HARBOR_<NAME> where there are several.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const services = JSON.parse(process.env.STACKATO_SERVICES ?? '{}');
const { instance_index: index = 0 } = JSON.parse(process.env.VCAP_APPLICATION ?? '{}');
const names = Object.keys(services);
if (names.length === 0) {
  console.error(
    'no port is bound to this application; try: harbor run --service NAME -- node examples/echo.js',
  );
  process.exit(1);
}

for (const name of names) {
  const variable = `STACKATO_HARBOR_${name.toUpperCase().replaceAll('-', '_')}`;
  const port = Number(process.env.STACKATO_HARBOR ?? process.env[variable]);
  // The first word of a service's name chooses its protocol.
  const word = name.split(/[-_]/)[0];
  if (word !== 'udp') serveTcp(port);
  if (['udp', 'both', 'multi'].includes(word)) serveUdp(port);
}

function serveTcp(port) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`hello from instance ${index}\n`);
    socket.pipe(socket);
  });
  server.listen(port, () => console.log(`TCP on ${port}`));
}

function serveUdp(port) {
  const socket = createSocket('udp4');
  socket.on('message', (message, client) => {
    socket.send(`instance ${index}: ${message}`, client.port, client.address);
  });
  socket.bind(port, () => console.log(`UDP on ${port}`));
}

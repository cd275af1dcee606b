// A plain HTTP server as a framework brings it, with a page for browsers: it asks for more by fetch and over a
// WebSocket, and writes how that went into itself.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const { instance_index: instance } = JSON.parse(process.env.VCAP_APPLICATION);

// The picture makes the page count as loaded only when its script is done.
const PAGE = `<!doctype html><title>A page</title><pre></pre><img src="/done">
<script type="module">
const echo = new WebSocket('wss://' + location.host + '/echo');
const echoed = await new Promise((done) => {
  echo.onopen = () => echo.send('is anybody there?');
  echo.onmessage = ({ data }) => done(data);
  echo.onerror = () => done('no WebSocket');
});
const fetched = await (await fetch('/facts')).json();
const [{ nextHopProtocol }] = performance.getEntriesByType('navigation');
const report = { nextHopProtocol, secure: isSecureContext, echoed, fetched };
document.querySelector('pre').textContent = JSON.stringify(report);
await fetch('/done', { method: 'POST' });
</script>`;

let scriptIsDone;
const done = new Promise((resolve) => (scriptIsDone = resolve));

const server = createServer(async ({ method, url, headers }, response) => {
  if (url === '/page') return response.setHeader('content-type', 'text/html').end(PAGE);
  if (url === '/done') {
    if (method === 'POST') scriptIsDone();
    else await done;
    return response.writeHead(204).end();
  }
  const [scheme, port] = [headers['x-forwarded-proto'], Number(headers['x-forwarded-port'])];
  response.end(JSON.stringify({ instance, scheme, port }));
});
const sockets = new WebSocketServer({ server, path: '/echo' });
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}`)));
server.listen(Number(process.env.PORT), '127.0.0.1');

// An HTTP server for the tests: it answers with its instance, and echoes what it is sent.
import { createServer } from 'node:http';

const { instance_index: index } = JSON.parse(process.env.VCAP_APPLICATION);
createServer((request, response) => {
  if (request.method === 'POST') request.pipe(response);
  else response.end(`instance ${index}\n`);
}).listen(Number(process.env.STACKATO_HARBOR));

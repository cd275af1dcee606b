import type { Server } from 'node:net';
import type { End, Ends } from './end.js';
import { HandleEnd, reasonOf } from './handle-end.js';
import { listeningHandle, loadBinding, type Binding } from './handles.js';
import { streamEnds } from './streams.js';

/** The fastest ends that this Node has. */
export function fastestEnds(load = loadBinding): Ends {
  const binding = load();
  return binding ? bareEnds(binding) : streamEnds;
}

/** Connections as bare handles of libuv. */
function bareEnds(binding: Binding): Ends {
  return {
    accept(server: Server, onClient, onError) {
      const listening = listeningHandle(server);
      if (!listening) throw new TypeError('this server does not listen');
      listening.onconnection = (status, client) => {
        if (!client || status < 0) onError(new Error(reasonOf(status)));
        else {
          client.setNoDelay(true);
          onClient(new HandleEnd(client, binding));
        }
      };
    },

    connect({ host, port }, done) {
      const end = new HandleEnd(binding.socket(), binding);
      const request = new binding.connectRequest();
      request.oncomplete = (status) => {
        if (end.closed) return;
        if (status >= 0) end.handle.setNoDelay(true);
        done(status < 0 ? reasonOf(status) : undefined);
      };
      const status = host.includes(':')
        ? end.handle.connect6(request, host, port)
        : end.handle.connect(request, host, port);
      // Not before the caller has the end in hand.
      if (status < 0) setImmediate(() => request.oncomplete?.(status));
      return end;
    },

    splice(client, backend, header, done) {
      const [a, b] = [bare(client), bare(backend)];
      let open = 2;
      const closed = (): void => {
        open--;
        if (open === 0) done();
      };
      if (header) b.write(header);
      a.start(b, closed);
      b.start(a, closed);
      // The header may have found it gone.
      if (b.closed) a.reset();
    },
  };
}

function bare(end: End): HandleEnd {
  if (end instanceof HandleEnd) return end;
  throw new TypeError('an end of another kind');
}

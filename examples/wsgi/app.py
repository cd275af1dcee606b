"""A WSGI application (PEP 3333) and a plain HTTP server for it: python3 app.py PORT

It knows nothing of TLS. Behind Harbor's HTTPS proxy it learns from X-Forwarded-Proto how its clients came.
"""

import json
import os
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

# The longest body that /echo takes, bytes.
MOST = 1024 * 1024


def app(environ, start_response):
    """Answers one request."""
    routes = {("GET", "/"): about, ("POST", "/echo"): echo}
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    route = routes.get(("GET" if method == "HEAD" else method, path), missing)
    status, kind, body = route(environ)
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [b"" if method == "HEAD" else body]


def about(environ):
    """Which instance this is, and how the client came to it."""
    facts = {
        "instance": json.loads(os.environ.get("VCAP_APPLICATION", "{}")).get("instance_index", 0),
        "scheme": environ.get("HTTP_X_FORWARDED_PROTO", environ["wsgi.url_scheme"]),
        "client": environ.get("HTTP_X_FORWARDED_FOR", environ.get("REMOTE_ADDR")),
        "host": environ.get("HTTP_HOST"),
    }
    return "200 OK", "application/json", json.dumps(facts).encode() + b"\n"


def echo(environ):
    """What was sent."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 10):
        return problem("400 Bad Request", "Content-Length is no number")
    if int(length) > MOST:
        return problem("413 Content Too Large", f"at most {MOST} bytes")
    return "200 OK", "application/octet-stream", environ["wsgi.input"].read(int(length))


def missing(_environ):
    """For all other paths and methods."""
    return problem("404 Not Found", "there is GET / and POST /echo")


def problem(status, text):
    """An answer that says what is wrong."""
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection: one that says nothing must not stop the others."""

    daemon_threads = True
    # How many may wait to be accepted; Python's own is 5.
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    """Ends connections that say nothing for this long (s), and looks up no names of clients."""

    timeout = 60

    def address_string(self):
        return self.client_address[0]


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python3 app.py PORT")
    with make_server("", int(sys.argv[1]), app, Server, Handler) as server:
        print(f"HTTP on port {sys.argv[1]}", flush=True)
        server.serve_forever()

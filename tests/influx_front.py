"""A front before InfluxDB 1.x that offers the v2 write path, as a reverse proxy does in an installation."""

import base64
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


class InfluxFront:
    """Maps /api/v2/write?bucket=&precision= with a token user:password to /write; the rest passes unchanged."""

    def __init__(self, host: str, port: int) -> None:
        class Pass(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path, headers = self.path, {"Content-Type": self.headers.get("Content-Type", "")}
                if authorization := self.headers.get("Authorization"):
                    headers["Authorization"] = authorization
                if urlsplit(path).path == "/api/v2/write":
                    asked = parse_qs(urlsplit(path).query)
                    path = "/write?" + urlencode(
                        {"db": asked["bucket"][0], "precision": asked["precision"][0]}
                    )
                    secret = (authorization or "").removeprefix("Token ").encode()
                    headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
                to = http.client.HTTPConnection(host, port, timeout=30)
                to.request("POST", path, body, headers)
                answer = to.getresponse()
                content = answer.read()
                to.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type", "application/json"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Pass)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

"""A real OpenID Connect provider as a process of its own, made of Authlib's server side.

`python oidc_provider.py CONFIG`: JSON of client_id, client_secret, redirect. It prints its address. Who is signed in
there, and what is wrong with its answers, is set by POST /set with JSON: {"who": {...}, "fault": "..."}.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CONFIG = json.loads(sys.argv[1]) if __name__ == "__main__" else {}
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
STRANGE_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
STATE = {"who": {}, "fault": ""}
CODES = {}


class Client:
    id_token_signed_response_alg = "RS256"

    def get_client_id(self):
        return CONFIG["client_id"]

    def get_default_redirect_uri(self):
        return CONFIG["redirect"]

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, uri):
        return uri == CONFIG["redirect"]

    def check_client_secret(self, secret):
        return secret == CONFIG["client_secret"]

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class Code:
    def __init__(self, request):
        data = request.payload.data
        self.redirect, self.scope, self.nonce = data.get("redirect_uri"), request.scope, data.get("nonce")
        self.code_challenge = data.get("code_challenge")
        self.code_challenge_method = data.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return "another" if STATE["fault"] == "nonce" else self.nonce

    def get_auth_time(self):
        return int(time.time())

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012

    def save_authorization_code(self, code, request):
        CODES[code] = Code(request)

    def query_authorization_code(self, code, client):
        return CODES.get(code)

    def delete_authorization_code(self, authorization_code):
        CODES.clear()

    def authenticate_user(self, authorization_code):
        return STATE["who"]


class Identity(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return False

    def resolve_client_private_key(self, client):
        return STRANGE_KEY if STATE["fault"] == "key" else KEY

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": "one"}

    def get_client_claims(self, client):
        fault, now = STATE["fault"], int(time.time())
        return {
            "iss": "https://elsewhere.example" if fault == "iss" else SERVER.issuer,
            "aud": ["another-client"] if fault == "aud" else [CONFIG["client_id"]],
            "exp": now - 3600 if fault == "exp" else now + 600,
            "iat": now - 7200,
        }

    def generate_user_info(self, user, scope):
        return UserInfo(user)

    def encode_id_token(self, token, request):
        made = super().encode_id_token(token, request)
        claims = jwt.decode(made, self.resolve_client_private_key(request.client)).claims
        if STATE["fault"] == "secret":  # signed with what the client knows too
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CONFIG["client_secret"]))
        if STATE["fault"] == "unsigned":
            _, body, _ = made.split(".")
            return f"eyJhbGciOiJub25lIn0.{body}."
        if STATE["fault"] == "nobody":
            return jwt.encode(
                {"alg": "RS256", "kid": "one"}, {k: claims[k] for k in claims if k != "sub"}, KEY
            )
        return made


class Server(AuthorizationServer):
    issuer = ""

    def query_client(self, client_id):
        return Client() if client_id == CONFIG["client_id"] else None

    def save_token(self, token, request):
        pass

    def create_oauth2_request(self, request):
        return request

    def handle_response(self, status, body, headers):
        return status, body, dict(headers)

    def send_signal(self, name, *args, **kwargs):
        pass


class Request(OAuth2Request):
    def __init__(self, method, uri, form, headers):
        super().__init__(method, uri, headers=headers)
        self._form = form
        self.payload = BasicOAuth2Payload(dict(parse_qsl(urlsplit(uri).query)) | form)

    @property
    def args(self):
        return dict(parse_qsl(urlsplit(self.uri).query))

    @property
    def form(self):
        return self._form


SERVER = Server()
SERVER.register_grant(Grant, [CodeChallenge(required=True), Identity(require_nonce=True)])
SERVER.register_token_generator("default", BearerTokenGenerator(lambda **_: "an-access-token"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        match urlsplit(self.path).path:
            case "/.well-known/openid-configuration":
                self._send(200, {
                    "issuer": "https://elsewhere.example" if STATE["fault"] == "discovery" else SERVER.issuer,
                    "authorization_endpoint": f"{SERVER.issuer}/authorize",
                    "token_endpoint": f"{SERVER.issuer}/token",
                    "jwks_uri": f"{SERVER.issuer}/keys",
                })  # fmt: skip
            case "/keys":
                self._send(200, KeySet([KEY]).as_dict(private=False))
            case "/authorize":
                request = self._request({})
                grant = SERVER.get_consent_grant(request, STATE["who"])
                self._send(
                    *SERVER.create_authorization_response(request, grant_user=STATE["who"], grant=grant)
                )
            case _:
                self._send(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/set":
            STATE.update(json.loads(body))
            self._send(200, {})
        elif STATE["fault"] == "html":
            self._send(200, "<html>down for maintenance</html>")
        else:
            self._send(*SERVER.create_token_response(self._request(dict(parse_qsl(body)))))

    def _request(self, form):
        return Request(self.command, SERVER.issuer + self.path, form, dict(self.headers))

    def _send(self, status, body, headers=None):
        told = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() != "content-type":
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    SERVER.issuer = f"http://127.0.0.1:{http.server_port}"
    print(SERVER.issuer, flush=True)
    http.serve_forever()

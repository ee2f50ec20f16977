"""The tokens of the issuer: ES256, an hour long."""

import uuid
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from foyer_sandbox.identity.people import Person
from foyer_sandbox.identity.store import Store

ACCESS_SECONDS = 3_600
AUDIENCE = "foyer"


class Mint:
    """Signs with the newest key and checks with all."""

    def __init__(self, store: Store, issuer: str) -> None:
        self._store = store
        self.issuer = issuer
        self._keys = store.keys()

    def rotate(self) -> str:
        """Sign with a new key from now on; its kid."""
        self._keys.append(self._store.add_key())
        return str(self._keys[-1].kid)

    def public_keys(self) -> dict[str, Any]:
        """The JWKS document: all keys, old ones included."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def access_token(self, person: Person, client_id: str, scope: str, now: float, **changed: Any) -> str:
        """A token for the API; `changed` replaces or adds claims."""
        claims = {"aud": AUDIENCE, "azp": client_id, "scope": scope, "jti": str(uuid.uuid4())}
        return self._sign(person.claims | claims, now, changed)

    def id_token(self, person: Person, client_id: str, nonce: str | None, now: float) -> str:
        """A token for the client itself."""
        claims = {"aud": client_id, "azp": client_id, "auth_time": int(now)} | ({"nonce": nonce} if nonce else {})
        return self._sign(person.claims | claims, now, {})

    def _sign(self, claims: dict[str, Any], now: float, changed: dict[str, Any]) -> str:
        key = self._keys[-1]
        times = {"iss": self.issuer, "iat": int(now), "exp": int(now) + ACCESS_SECONDS}
        return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": "JWT"}, times | claims | changed, key)

    def subject(self, token: str, now: float) -> str | None:
        """Whose access token this is, if it is a valid one of ours."""
        try:
            claims = jwt.decode(token, KeySet(list(self._keys)), algorithms=["ES256"]).claims
        except (JoseError, ValueError):
            return None
        valid = claims.get("iss") == self.issuer and claims.get("aud") == AUDIENCE and claims.get("exp", 0) > now
        return str(claims["sub"]) if valid else None
